-- What the TLS handshake of a closed connection agreed on; null where connd did not encrypt it.
ALTER TABLE closed_connections ADD COLUMN tls_version TEXT;
ALTER TABLE closed_connections ADD COLUMN tls_cipher TEXT;
ALTER TABLE closed_connections ADD COLUMN tls_resumed INTEGER;
ALTER TABLE closed_connections ADD COLUMN tls_verified INTEGER;
ALTER TABLE closed_connections ADD COLUMN tls_certificate_expires INTEGER;

-- The gateway by which the client came; null for the proxy's own port.
ALTER TABLE exchanges ADD COLUMN gateway TEXT;

-- One host per line; null without any.
ALTER TABLE gateways ADD COLUMN allow_hosts TEXT;

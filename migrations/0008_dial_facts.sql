-- Where the address of a closed connection was from, and which addresses its dial tried: `address begin duration outcome`,
-- with `last` behind those that were tried as a last resort, and `;` between them. Times in microseconds. Null before this
-- version.
ALTER TABLE closed_connections ADD COLUMN address_source TEXT;
ALTER TABLE closed_connections ADD COLUMN dial_attempts TEXT;

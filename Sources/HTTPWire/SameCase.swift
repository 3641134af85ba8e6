/// Compares values of an enumeration whose cases carry nothing. The `==` that the compiler makes for it is a call of two or
/// three functions in any other room; one that is written with this is a comparison of two bytes.
@inlinable
package func isSameCase<Value: BitwiseCopyable>(_ a: Value, _ b: Value) -> Bool {
    unsafeBitCast(a, to: UInt8.self) == unsafeBitCast(b, to: UInt8.self)
}

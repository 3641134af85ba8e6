import FuzzTargets

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    fuzzPoolEvents(UnsafeRawBufferPointer(start: start, count: count))
    return 0
}

import ProxyTypes
import Testing

@Suite("Numbers in decimal")
struct DecimalTextTests {
    @Test("digits make a number", arguments: [("0", 0), ("7", 7), ("120", 120), ("9223372036854775807", Int.max)])
    func numbers(text: String, number: Int) {
        #expect(DecimalText.parse(text) == number)
    }

    @Test(
        "a sign, a leading zero, a space, another script's digits and what does not fit are refused",
        arguments: ["", "+1", "-1", "00", "01", " 1", "1 ", "1_0", "0x1", "1.0", "\u{0661}", "9223372036854775808"])
    func refused(text: String) {
        #expect(DecimalText.parse(text) == nil)
    }

    @Test("the type bounds the number")
    func types() {
        #expect(DecimalText.parse("255", as: UInt8.self) == 255)
        #expect(DecimalText.parse("256", as: UInt8.self) == nil)
        #expect(DecimalText.parse("18446744073709551615", as: UInt64.self) == .max)
    }
}

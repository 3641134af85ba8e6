/// Which connd this is.
package enum ProductVersion {
    package static let text = "0.1.0"
}

/// The version of connd and connctl, which come from one build.
package enum ProductVersion {
    package static let text = "0.2.0"
}

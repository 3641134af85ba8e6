/// Which connd, and which connctl, this is: both come from one build.
package enum ProductVersion {
    package static let text = "0.2.0"
}

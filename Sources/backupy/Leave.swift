import Foundation

/// Ends the process with a code; the only place that does.
///
/// Other threads may still be at work, as after a failed commit, when the process ends at once and recovers by restart.
/// `exit` would run the handlers of the libraries that they use, such as OpenSSL's, which takes down what it holds, and
/// the destructors of C++: a thread that asks for a random number then crashes, and the code is lost. Nothing of ours
/// waits for such a handler.
func leave(_ code: Int32) -> Never {
    fflush(nil)
    _exit(code)
}

import Recordings

// Prints the golden result of each capture, one a line. Tests start it as a process of its own, so that each run has
// another hash seed; `scripts/write-goldens.sh` writes the golden files with it.
for path in CommandLine.arguments.dropFirst() {
    print(try ReplaySummary(of: Capture(contentsOf: path)).json)
}

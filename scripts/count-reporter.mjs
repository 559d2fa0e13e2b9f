// Prints the closing line that says how many tests passed and failed, and lists what was skipped.
export default class CountReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const count = { passed: 0, failed: 0, skipped: 0 }
    for (const module of modules) {
      let failedHere = 0
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        if (state in count) count[state] += 1
        if (state === "failed") failedHere += 1
        if (state === "skipped") console.log(`skipped: ${test.fullName}`)
      }
      // A file that did not even load has no tests: it must not pass unseen.
      if (module.state() === "failed" && failedHere === 0) count.failed += 1
    }
    count.failed += unhandledErrors.length
    console.log(`\n${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`)
  }
}

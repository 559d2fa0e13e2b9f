/** The one queue of a node: what is to be done, in order, each to its end before the next. */

/** A line for the log, written by whoever ran the jobs. */
export interface LogLine {
  readonly level: "debug" | "error"
  readonly message: string
  readonly cause?: unknown
}

export class Jobs {
  readonly logs: Array<LogLine> = []
  private readonly jobs: Array<() => void> = []
  private running = false

  enqueue(job: () => void): void {
    this.jobs.push(job)
  }

  /** Enqueues, and works until nothing is left. Called from inside a job it returns at once: the outer one goes on. */
  dispatch(job: () => void): void {
    this.jobs.push(job)
    if (this.running) return
    this.running = true
    for (let next = 0; ; next++) {
      const current = this.jobs[next]
      if (current === undefined) break
      try {
        current()
      } catch (cause) {
        this.logs.push({ level: "error", message: "The node failed at a step", cause })
      }
    }
    this.jobs.length = 0
    this.running = false
  }
}

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
  private isHalted = false

  /** `settle` follows each time that nothing is left to do, and may enqueue more. */
  constructor(private readonly settle: () => void = () => {}) {}

  get halted(): boolean {
    return this.isHalted
  }

  /** Nothing is done any more, also of what waits. */
  halt(): void {
    this.isHalted = true
    this.jobs.length = 0
  }

  enqueue(job: () => void): void {
    this.jobs.push(job)
  }

  /** Enqueues, and works until nothing is left. Called from inside a job it returns at once: the outer one goes on. */
  dispatch(job: () => void): void {
    if (this.isHalted) return
    this.jobs.push(job)
    if (this.running) return
    this.running = true
    do {
      this.work()
      this.settle()
    } while (this.jobs.length > 0)
    this.running = false
  }

  private work(): void {
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
  }
}

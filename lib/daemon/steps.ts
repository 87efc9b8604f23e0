/** @internal Undoes a step, if there is something to undo. */
export type Undo = (() => void) | undefined

/** @internal Takes the steps in their order. Where one fails, all before it are undone, the last one first. */
export async function takeSteps(steps: readonly (() => Undo | Promise<Undo>)[]): Promise<void> {
  const undo: Undo[] = []
  try {
    for (const step of steps) undo.unshift(await step())
  } catch (error) {
    undo.forEach(orWarn)
    throw error
  }
}

/** Undoes a step, and only warns of an error: it must not hide the first one. */
function orWarn(undo: Undo): void {
  try {
    undo?.()
  } catch (error) {
    process.emitWarning(error as Error)
  }
}

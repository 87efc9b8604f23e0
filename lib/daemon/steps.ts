/** @internal The way back from a step, where there is one. */
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

/** The error that sends us back is the one to throw; what goes wrong on the way must not hide it. */
function orWarn(undo: Undo): void {
  try {
    undo?.()
  } catch (error) {
    process.emitWarning(error as Error)
  }
}

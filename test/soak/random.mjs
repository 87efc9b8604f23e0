/** Numbers below a limit, the same for the same seed. */
export function randomOf(...seeds) {
  let state = seeds.reduce((sum, seed) => Math.imul(sum ^ seed, 2654435761) >>> 0, 0x9e3779b9)
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  const pick = (below) => next() % below
  /** One of a list of [weight, value]. */
  const choose = (list) => {
    let left = pick(list.reduce((sum, [weight]) => sum + weight, 0))
    return list.find(([weight]) => (left -= weight) < 0)[1]
  }
  return { pick, choose }
}

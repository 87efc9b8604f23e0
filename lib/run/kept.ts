// What is kept of a stream that may have no end: its first bytes and its last.

/** Bytes in a buffer that grows as they come. */
class Head {
  readonly #most: number
  #bytes: Buffer = Buffer.alloc(0)
  length = 0

  constructor(most: number) {
    this.#most = most
  }

  /** Takes what there is room for, and gives the rest. */
  push(chunk: Buffer): Buffer {
    const taken = Math.min(chunk.length, this.#most - this.length)
    this.#bytes = grown(this.#bytes, this.length + taken, this.#most, this.length)
    chunk.copy(this.#bytes, this.length, 0, taken)
    this.length += taken
    return chunk.subarray(taken)
  }

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.length)
  }
}

/** The last bytes, in a ring as soon as there are more than it holds. */
class Tail {
  readonly #most: number
  #ring: Buffer = Buffer.alloc(0)
  #length = 0
  /** Where the next byte goes. */
  #at = 0

  constructor(most: number) {
    this.#most = most
  }

  /** Gives how many older bytes were dropped. */
  push(chunk: Buffer): number {
    const before = this.#length + chunk.length
    const last = chunk.subarray(Math.max(0, chunk.length - this.#most))
    // It is no ring before it has its full size: `at` is then the length.
    this.#ring = grown(this.#ring, Math.min(before, this.#most), this.#most, this.#length)
    const first = last.copy(this.#ring, this.#at)
    last.copy(this.#ring, 0, first)
    this.#length = Math.min(before, this.#most)
    this.#at = this.#most === 0 ? 0 : (this.#at + last.length) % this.#most
    return before - this.#length
  }

  get bytes(): Buffer {
    if (this.#length < this.#most) return this.#ring.subarray(0, this.#length)
    return Buffer.concat([this.#ring.subarray(this.#at), this.#ring.subarray(0, this.#at)])
  }
}

/** A buffer with room for `needed` bytes, of `most` at most, that begins with the first `used` of another. */
function grown(buffer: Buffer, needed: number, most: number, used: number): Buffer {
  if (needed <= buffer.length) return buffer
  const larger = Buffer.allocUnsafeSlow(Math.min(most, Math.max(needed, 2 * buffer.length, 1024)))
  buffer.copy(larger, 0, 0, used)
  return larger
}

/** Both ends of what came, `most` bytes at most. */
export class Kept {
  readonly #head: Head
  readonly #tail: Tail
  #dropped = 0

  constructor(most: number) {
    this.#head = new Head(Math.ceil(most / 2))
    this.#tail = new Tail(Math.floor(most / 2))
  }

  push(chunk: Buffer): void {
    this.#dropped += this.#tail.push(this.#head.push(chunk))
  }

  /** The bytes in one piece, and how many are missing. The cut goes through no character. */
  ends(encoding: BufferEncoding | 'buffer'): { bytes: Buffer; dropped: number } {
    const [head, tail] = [this.#head.bytes, this.#tail.bytes]
    if (this.#dropped === 0) return { bytes: Buffer.concat([head, tail]), dropped: 0 }
    const place = this.#head.length + this.#dropped
    const parts = [
      head.subarray(0, wholeLength(head, encoding)),
      tail.subarray(restLength(tail, encoding, place)),
    ]
    const bytes = Buffer.concat(parts)
    return { bytes, dropped: this.#dropped + head.length + tail.length - bytes.length }
  }
}

const isContinuation = (byte: number | undefined) => byte !== undefined && (byte & 0xc0) === 0x80
const isUtf16 = (encoding: string) => /^(ucs-?2|utf-?16le)$/i.test(encoding)
const isUtf8 = (encoding: string) => /^utf-?8$/i.test(encoding)

/** The length of what begins `bytes` and ends with a whole character. */
export function wholeLength(bytes: Buffer, encoding: BufferEncoding | 'buffer'): number {
  const { length } = bytes
  if (isUtf16(encoding)) {
    const even = length - (length % 2)
    const last = even > 0 ? bytes.readUInt16LE(even - 2) : 0
    return (last & 0xfc00) === 0xd800 ? even - 2 : even
  }
  if (!isUtf8(encoding)) return length
  let start = length - 1
  while (start > length - 4 && isContinuation(bytes[start])) start--
  const lead = bytes[start] ?? 0
  const size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1
  return size > length - start ? start : length
}

/** How many bytes at the beginning are the rest of a character; `place` is that of `bytes` in its stream. */
function restLength(bytes: Buffer, encoding: BufferEncoding | 'buffer', place: number): number {
  if (isUtf16(encoding)) {
    const odd = place % 2
    if (bytes.length < odd + 2) return odd
    return (bytes.readUInt16LE(odd) & 0xfc00) === 0xdc00 ? odd + 2 : odd
  }
  let rest = 0
  while (isUtf8(encoding) && rest < 3 && isContinuation(bytes[rest])) rest++
  return rest
}

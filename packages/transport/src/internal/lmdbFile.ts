/**
 * Looks at an LMDB file before LMDB does: LMDB maps the file into memory and trusts it, so that a file that is cut short
 * or is something else would end the process with a signal instead of an error.
 *
 * The format is that of LMDB's data version 2 as the package `lmdb` builds it (`mdb.c`, `MDB_page_header`, `MDB_meta`,
 * `MDB_db`, `MDB_node`, `MDB_ovpage`).
 *
 * @internal
 */
import { fstatSync, readSync } from "node:fs"

/** What is wrong with a file. */
export interface Problem {
  /** `foreign`: no LMDB file, or one of another version; `damaged`: one whose parts do not fit. */
  readonly kind: "foreign" | "damaged"
  readonly detail: string
}

const magic = 0xbeefc0de
const dataVersion = 2
const pageHeader = 24
const nodeHeader = 8
const dbLength = 48
const metaLength = pageHeader + 24 + 2 * dbLength + 16

// Page flags, node flags, and the page number that stands for none.
const branchPage = 1
const leafPage = 2
const metaPage = 8
const bigData = 1
const subData = 2
const noPage = 0xffff_ffff_ffff_ffffn

class Broken extends Error {}

interface Tree {
  readonly depth: number
  readonly entries: number
  readonly root: bigint
}

interface Meta {
  readonly pageSize: number
  readonly lastPage: number
  readonly transaction: bigint
  readonly trees: readonly [Tree, Tree]
}

const treeAt = (view: DataView, at: number): Tree => ({
  depth: view.getUint16(at + 6, true),
  entries: Number(view.getBigUint64(at + 32, true)),
  root: view.getBigUint64(at + 40, true)
})

const read = (fd: number, at: number, length: number): DataView => {
  const bytes = new Uint8Array(length)
  let done = 0
  while (done < length) {
    const count = readSync(fd, bytes, done, length - done, at + done)
    if (count === 0) throw new Broken(`it ends before byte ${at + length}`)
    done += count
  }
  return new DataView(bytes.buffer)
}

const metaAt = (fd: number, at: number): Meta | Problem => {
  const view = read(fd, at, metaLength)
  if (view.getUint32(pageHeader, true) !== magic) return { kind: "foreign", detail: "it is no LMDB database" }
  const version = view.getUint32(pageHeader + 4, true) & 0xffff
  if (version !== dataVersion)
    return { kind: "foreign", detail: `it is an LMDB database of data version ${version}` }
  if (view.getUint16(18, true) !== metaPage) throw new Broken("its first pages are damaged")
  const trees = pageHeader + 24
  return {
    pageSize: view.getUint32(trees, true),
    trees: [treeAt(view, trees), treeAt(view, trees + dbLength)],
    lastPage: Number(view.getBigUint64(trees + 2 * dbLength, true)),
    transaction: view.getBigUint64(trees + 2 * dbLength + 8, true)
  }
}

/** The newer of the two descriptions that stand at the file's start. */
const newest = (fd: number): Meta | Problem => {
  const first = metaAt(fd, 0)
  if ("kind" in first) return first
  const { pageSize } = first
  if (pageSize < 512 || pageSize > 65_536 || (pageSize & (pageSize - 1)) !== 0)
    throw new Broken(`it says that its pages have ${pageSize} bytes`)
  const second = metaAt(fd, pageSize)
  if ("kind" in second || second.pageSize !== pageSize) throw new Broken("its first pages are damaged")
  // Transactions write them in turns. Where the numbers do not follow each other, one was damaged, and the other one may
  // be of an older state.
  const [even, odd] = [first.transaction, second.transaction]
  if (even % 2n !== 0n || (odd !== even + 1n && even !== odd + 1n))
    throw new Broken("its first pages are damaged")
  return even < odd ? second : first
}

/** Walks every tree of a snapshot; returns the names in the main tree. */
const walk = (fd: number, meta: Meta): ReadonlyArray<string> => {
  const { lastPage, pageSize } = meta
  const { size } = fstatSync(fd)
  const seen = new Set<number>()
  const names: Array<string> = []

  const claim = (page: bigint, count: number): number => {
    const first = Number(page)
    if (page < 2n || first + count - 1 > lastPage)
      throw new Broken(`it refers to page ${page}, which it has not`)
    if ((first + count) * pageSize > size)
      throw new Broken(`it has ${size} bytes, and page ${first + count - 1} is beyond its end`)
    for (let i = first; i < first + count; i++) {
      if (seen.has(i)) throw new Broken(`it refers to page ${i} twice`)
      seen.add(i)
    }
    return first
  }

  const leafNode = (view: DataView, node: number, isMain: boolean): void => {
    const [low, high, flags, keySize] = [0, 2, 4, 6].map((at) => view.getUint16(node + at, true))
    const dataSize = (low ?? 0) + (high ?? 0) * 65_536
    const data = node + nodeHeader + (keySize ?? 0)
    const inline = flags === bigData ? pageHeader : dataSize
    if (data + inline > pageSize || (flags !== 0 && flags !== bigData && flags !== subData))
      throw new Broken("an entry is damaged")
    if (flags === bigData) {
      const count = Math.floor((pageHeader - 1 + dataSize) / pageSize) + 1
      if (view.getBigUint64(data + 16, true) !== BigInt(count)) throw new Broken("a large entry is damaged")
      claim(view.getBigUint64(data, true), count)
    }
    if (flags === subData) {
      if (!isMain || dataSize !== dbLength) throw new Broken("an entry is damaged")
      const name = new Uint8Array(view.buffer, node + nodeHeader, keySize)
      names.push(new TextDecoder().decode(name).replace(/\0+$/, ""))
      tree(treeAt(view, data), false)
    }
  }

  /** The number of entries below a page. */
  const page = (number: bigint, levels: number, isMain: boolean): number => {
    const at = claim(number, 1)
    const view = read(fd, at * pageSize, pageSize)
    const isLeaf = levels === 1
    const [flags, lower, upper] = [18, 20, 22].map((each) => view.getUint16(each, true))
    if (view.getBigUint64(0, true) !== number || ((flags ?? 0) & 0xff) !== (isLeaf ? leafPage : branchPage))
      throw new Broken(`page ${at} is damaged`)
    if (lower === undefined || upper === undefined || lower > upper || pageHeader + upper > pageSize)
      throw new Broken(`page ${at} is damaged`)
    const nodes = lower >> 1
    if (nodes === 0) throw new Broken(`page ${at} is empty`)
    let entries = 0
    for (let i = 0; i < nodes; i++) {
      const node = pageHeader + view.getUint16(pageHeader + 2 * i, true)
      if (node < pageHeader + upper || node + nodeHeader > pageSize) throw new Broken(`page ${at} is damaged`)
      if (isLeaf) {
        leafNode(view, node, isMain)
        entries += 1
      } else {
        const child = [0, 2, 4].map((each) => BigInt(view.getUint16(node + each, true)))
        entries += page(
          (child[0] ?? 0n) + (child[1] ?? 0n) * 65_536n + (child[2] ?? 0n) * 2n ** 32n,
          levels - 1,
          isMain
        )
      }
    }
    return entries
  }

  const tree = ({ depth, entries, root }: Tree, isMain: boolean): void => {
    // Every transaction changes the main tree; another root would be that of an older state.
    if (isMain && root !== noPage && root * BigInt(pageSize) < BigInt(size)) {
      const written = read(fd, Number(root) * pageSize, pageHeader).getBigUint64(8, true)
      if (written !== meta.transaction) throw new Broken("it refers to an older state")
    }
    if (depth > 32 || (root === noPage) !== (depth === 0)) throw new Broken("a tree is damaged")
    const found = root === noPage ? 0 : page(root, depth, isMain)
    if (found !== entries) throw new Broken(`a tree has ${found} entries where ${entries} should be`)
  }

  tree(meta.trees[0], false)
  tree(meta.trees[1], true)
  return names
}

/** How often a file is read again because another process was writing. */
const attempts = 10

/**
 * What is wrong with an open file, or the names of the databases in it. A file that other processes write to at the same
 * time is looked at again.
 */
export const check = (fd: number): Problem | ReadonlyArray<string> => {
  let detail = ""
  for (let attempt = 0; attempt < attempts; attempt++) {
    let before: bigint | undefined
    try {
      const meta = newest(fd)
      if ("kind" in meta) return meta
      before = meta.transaction
      return walk(fd, meta)
    } catch (error) {
      if (!(error instanceof Broken || error instanceof RangeError)) throw error
      detail = error instanceof Broken ? error.message : "a page is damaged"
    }
    try {
      const after = newest(fd)
      if (before === undefined || ("transaction" in after && after.transaction === before)) break
    } catch {
      break
    }
  }
  return { kind: "damaged", detail }
}

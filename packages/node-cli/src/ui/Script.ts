/**
 * What the page runs: it takes the node's events and shows them, and asks the controls. Rows come as HTML from the node,
 * which has escaped what is in them; everything else is set as text.
 *
 * @since 0.1.0
 */

/** @since 0.1.0 @category constants */
export const script = String.raw`"use strict"
const at = (id) => document.getElementById(id)
const make = (tag, className, ...children) => {
  const element = document.createElement(tag)
  element.className = className
  element.append(...children)
  return element
}
const short = (text) => (text ? text.slice(0, 8) + "…" + text.slice(-4) : "anybody")
const ae = (aettos) => {
  const digits = String(aettos).padStart(19, "0")
  const fraction = digits.slice(-18).replace(/0+$/, "")
  const cut = fraction.length > 6 ? fraction.slice(0, 6) + "…" : fraction
  return digits.slice(0, -18) + (cut ? "." + cut : "") + " AE"
}

const sessions = new Map()
let ends = []
let chosen
let account

const say = (text, bad) => {
  at("said").textContent = text
  at("said").className = bad ? "bad" : ""
}
const post = async (path) => {
  try {
    const answer = await fetch(path, { method: "POST" })
    const body = await answer.json()
    say(answer.ok ? path.replace("/devnet/", "") + ": done" : body.reason, !answer.ok)
    return answer.ok ? body : undefined
  } catch (error) {
    say("the node does not answer", true)
  }
}

const session = (key) => {
  if (!sessions.has(key)) {
    const diagram = make("div", "diagram")
    diagram.append(at("lanes").content.cloneNode(true))
    at("diagrams").append(diagram)
    const button = make("button", "channel")
    button.addEventListener("click", () => choose(key))
    at("channels").prepend(button)
    sessions.set(key, { key, diagram, button, frames: 0 })
    at("empty").hidden = true
    if (chosen === undefined || sessions.get(chosen).over) choose(key)
    else diagram.hidden = true
  }
  return sessions.get(key)
}

const choose = (key) => {
  chosen = key
  for (const one of sessions.values()) {
    one.diagram.hidden = one.key !== key
    one.button.classList.toggle("chosen", one.key === key)
  }
  acts()
  document.querySelector("main").scrollTop = document.querySelector("main").scrollHeight
}

const disturbances = [
  ["cut off clients", (id) => "/devnet/disconnect?channel=" + id],
  ["break the link", (id) => "/devnet/disconnect?what=link&channel=" + id],
  ["link slow (1 s)", (id) => "/devnet/disturb?way=link&delay=1000&channel=" + id],
  ["lose the next on the link", (id) => "/devnet/disturb?way=link&drop=1&channel=" + id],
  ["heal the link", (id) => "/devnet/disturb?way=link&channel=" + id]
]

const acts = () => {
  const one = sessions.get(chosen)
  const bar = make("div", "controls")
  if (one && one.channelId && endsOf(one).length > 0)
    for (const [label, path] of disturbances) {
      const button = make("button", "", label)
      button.addEventListener("click", () => post(path(one.channelId)))
      bar.append(button)
    }
  at("acts").replaceChildren(...(bar.childElementCount > 0 ? [bar] : []))
}

const endsOf = ({ channelId }) => ends.filter((end) => channelId && end.channelId === channelId)

const showChannel = (one) => {
  const own = endsOf(one)
  one.over = one.channelId !== undefined && own.length === 0 && one.seen === true
  if (own.length > 0) one.seen = true
  const newest = own.reduce((a, b) => (a && a.round >= b.round ? a : b), undefined)
  const states = [...new Set(own.map(({ state }) => state))].join(" / ")
  const top = make("span", "top", one.channelId ? short(one.channelId) : "opening, port " + one.port,
    make("span", "", newest ? "round " + newest.round : one.over ? "over" : ""))
  const parties = make("span", "ends", short(one.initiatorId), make("span", "", states), short(one.responderId))
  one.button.classList.toggle("over", one.over)
  one.button.replaceChildren(top, parties)
  if (newest && newest.initiatorBalance !== null && newest.responderBalance !== null) {
    const [a, b] = [BigInt(newest.initiatorBalance), BigInt(newest.responderBalance)]
    const part = make("span", "part")
    part.style.width = (a + b === 0n ? 50 : Number((a * 1000n) / (a + b)) / 10) + "%"
    one.button.append(make("span", "share", part), make("span", "sums",
      make("span", "amount initiator", ae(a)), make("span", "amount responder", ae(b))))
  }
}

const listen = {
  hello: () => {
    for (const one of sessions.values()) {
      one.diagram.remove()
      one.button.remove()
    }
    sessions.clear()
    chosen = undefined
    at("empty").hidden = false
  },
  session: (told) => {
    const one = session(told.key)
    Object.assign(one, { ...told, channelId: told.channelId ?? undefined })
    const [initiator, responder] = one.diagram.querySelectorAll(".head.initiator span, .head.responder span")
    initiator.textContent = short(told.initiatorId)
    responder.textContent = short(told.responderId)
    showChannel(one)
    if (one.key === chosen) acts()
  },
  rows: ({ key, html }) => {
    const { diagram } = session(key)
    const main = document.querySelector("main")
    const below = main.scrollHeight - main.scrollTop - main.clientHeight < 80
    diagram.insertAdjacentHTML("beforeend", html)
    while (diagram.childElementCount > 2001) diagram.children[1].remove()
    if (below && key === chosen) main.scrollTop = main.scrollHeight
  },
  channels: (told) => {
    ends = told.ends
    at("count").textContent = told.count === 0 ? "" : "(" + told.count + " ends)"
    for (const one of sessions.values()) showChannel(one)
    acts()
  },
  chain: (told) => {
    const facts = at("facts")
    facts.replaceChildren(told.network + " · height ", make("b", "", String(told.height)), " · ",
      new Date(told.time).toISOString().slice(0, 19).replace("T", " "), " · ",
      told.pending.length === 0 ? "nothing waits" : told.pending.length + " waiting")
    at("blocks").replaceChildren(...told.blocks.map(({ height, hash, transactions }) => {
      const block = make("span", "block" + (transactions > 0 ? " full" : ""),
        height + (transactions > 0 ? " · " + transactions + " tx" : ""))
      block.title = hash
      return block
    }))
    at("accounts").replaceChildren(...told.accounts.map(({ address, balance }) => {
      const name = make("code", "", short(address))
      name.title = address
      const line = make("div", "account" + (address === account ? " chosen" : ""), name, make("span", "", ae(balance)))
      line.addEventListener("click", () => {
        account = address
        at("fund").disabled = false
        at("fund").textContent = "AE to " + short(address)
      })
      return line
    }))
  }
}

const events = new EventSource("/ui/events")
for (const [name, take] of Object.entries(listen))
  events.addEventListener(name, ({ data }) => take(JSON.parse(data)))
events.onopen = () => {
  at("live").textContent = "live"
  at("live").className = "on"
}
events.onerror = () => {
  at("live").textContent = "not connected"
  at("live").className = ""
}

for (const button of document.querySelectorAll("[data-post]"))
  button.addEventListener("click", () => post(button.dataset.post))
at("snapshot").addEventListener("click", async () => {
  const taken = await post("/devnet/snapshot")
  if (!taken) return
  const option = make("option", "", String(taken.snapshot))
  at("snapshots").append(option)
  at("snapshots").value = String(taken.snapshot)
  at("revert").disabled = false
})
at("revert").addEventListener("click", () => post("/devnet/revert?snapshot=" + at("snapshots").value))
at("fund").addEventListener("click", () => {
  const amount = at("fund-amount").value.trim()
  if (!/^\d{1,12}$/.test(amount)) return say("the amount is a whole number of AE", true)
  post("/devnet/fund?address=" + account + "&amount=" + amount + "000000000000000000")
})
`

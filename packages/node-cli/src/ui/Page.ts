/**
 * The page of a running node: chain and controls on top, channels at the left, the frames of one channel beside them.
 *
 * @since 0.1.0
 */
import { heads } from "../report/Html.js"
import { style as rowStyle } from "../report/Style.js"

const style = `
body { max-width: none; padding: 0; height: 100vh; display: grid; grid-template: auto 1fr / 23rem minmax(0, 1fr); overflow: hidden }
header { grid-column: 1 / 3; padding: .7rem 1.2rem .6rem; border-bottom: 1px solid var(--line); background: var(--soft) }
header h1 { display: inline-block; margin: 0 1.5rem 0 0 } #facts { color: var(--dim) } #facts b { color: var(--ink) }
#live { float: right; color: var(--error); font-weight: 600 } #live.on { color: var(--state) }
.controls { display: flex; flex-wrap: wrap; gap: .4rem .5rem; align-items: center; margin-top: .55rem }
.controls .group { display: inline-flex; gap: .3rem; padding-right: .7rem; margin-right: .2rem; border-right: 1px solid var(--line) }
.controls .group:last-child { border: 0 }
button, select, input { font: inherit; font-size: .85rem; padding: .18rem .6rem; border: 1px solid var(--line); border-radius: 5px;
  background: var(--bg); color: var(--ink) } button { cursor: pointer } button:hover { border-color: var(--request) }
button:disabled { opacity: .45; cursor: default } input { width: 6rem }
#said { color: var(--dim); font-size: .85rem } #said.bad { color: var(--error) }
#blocks { display: flex; gap: .3rem; margin-top: .55rem; overflow: hidden }
.block { border: 1px solid var(--line); border-radius: 5px; padding: .05rem .5rem; font-size: .78rem; background: var(--bg); white-space: nowrap;
  font-variant-numeric: tabular-nums } .block.full { border-color: var(--chain); color: var(--chain) }
nav { overflow: auto; border-right: 1px solid var(--line); padding: .6rem }
nav h2 { font-size: .78rem; text-transform: uppercase; letter-spacing: .05em; color: var(--dim); margin: .6rem 0 .3rem }
.channel { display: block; width: 100%; text-align: left; margin: 0 0 .35rem; padding: .45rem .6rem; border-radius: 6px }
.channel.chosen { border-color: var(--request); box-shadow: inset 3px 0 var(--request) } .channel.over { opacity: .6 }
.channel .top { display: flex; justify-content: space-between; font-weight: 600; font-size: .82rem }
.channel .ends { display: flex; justify-content: space-between; color: var(--dim); font-size: .76rem; margin-top: .15rem }
.channel .share { width: 100%; margin-top: .3rem; display: block } .channel .sums { display: flex; justify-content: space-between; font-size: .76rem }
.account { display: flex; justify-content: space-between; font-size: .78rem; padding: .1rem .2rem; font-variant-numeric: tabular-nums }
.account code { cursor: pointer }
main { overflow: auto; padding: 0 1.2rem 3rem } main .empty { color: var(--dim); padding: 2rem; max-width: 46rem }
#acts { position: sticky; top: 0; z-index: 6; background: var(--bg); padding: .5rem 0 0 } #acts:empty { display: none }
main .heads { top: 2.2rem } main:has(#acts:empty) .heads { top: 0 } .diagram[hidden] { display: none }
`

const button = (path: string, label: string): string =>
  `<button data-post="${path}" type="button">${label}</button>`

/**
 * The document. Everything that changes is put in by the script.
 *
 * @since 0.1.0
 * @category constants
 */
export const html = `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<title>aechannel devnet</title>
<style>${rowStyle}${style}</style></head>
<body>
<header>
  <span id="live">not connected</span><h1>aechannel devnet</h1><span id="facts"></span>
  <div class="controls">
    <span class="group">${button("/devnet/mine?n=1", "mine")}${button("/devnet/mine?n=10", "mine 10")}
      ${button("/devnet/mining?on=true", "mine by itself")}${button("/devnet/mining?on=false", "only on request")}</span>
    <span class="group">${button("/devnet/travel?ms=60000", "1 minute later")}${button("/devnet/travel?ms=600000", "10 minutes later")}</span>
    <span class="group">${button("/devnet/fork?n=1", "fork: drop a block")}</span>
    <span class="group"><button id="snapshot" type="button">snapshot</button><select id="snapshots" aria-label="snapshot"></select><button id="revert" type="button" disabled>revert</button></span>
    <span class="group"><input id="fund-amount" value="100" aria-label="AE" /><button id="fund" type="button" disabled title="click an account first">AE to the chosen account</button></span>
    <span id="said" role="status"></span>
  </div>
  <div id="blocks" aria-label="latest blocks"></div>
</header>
<nav><h2>Channels <span id="count"></span></h2><div id="channels"></div><h2>Accounts</h2><div id="accounts"></div></nav>
<main><div id="acts"></div>
<template id="lanes">${heads({ initiator: undefined, responder: undefined })}</template>
<p class="empty" id="empty">No client has connected yet. Open a channel with both parties at this node, and its frames appear here as they pass.</p>
<div id="diagrams"></div></main>
<script src="/ui/script.js"></script>
</body></html>
`

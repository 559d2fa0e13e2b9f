/**
 * How a page looks.
 *
 * @since 0.1.0
 */

/** @since 0.1.0 @category constants */
export const style = `
:root { color-scheme: light dark; --bg: #fff; --soft: #f5f6f8; --line: #c9ced6; --ink: #1b2230; --dim: #6b7484;
  --request: #2457c5; --sign: #7a3fc0; --state: #0b7a53; --chain: #9a6200; --info: #6b7484; --message: #1b8296;
  --reply: #52607a; --quiet: #a4abb7; --conflict: #c25700; --error: #c81e3c;
  --conflict-bg: #fff1e2; --error-bg: #ffe8ec; --band: #e8f5ef; --band-end: #f6efdf; --ini: #2457c5; --res: #1b8296 }
@media (prefers-color-scheme: dark) { :root { --bg: #14181f; --soft: #1c222c; --line: #3d4654; --ink: #e4e8ef;
  --dim: #939db0; --request: #7ea6ff; --sign: #c49bff; --state: #56cf9f; --chain: #e3b158; --info: #939db0;
  --message: #63c9dc; --reply: #a9b6cf; --quiet: #667082; --conflict: #ffa252; --error: #ff7a90;
  --conflict-bg: #3a2813; --error-bg: #3d1720; --band: #16302a; --band-end: #332b18; --ini: #7ea6ff; --res: #63c9dc } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1.5rem 1.5rem 3rem; max-width: 1320px; background: var(--bg); color: var(--ink);
  font: 14px/1.4 system-ui, sans-serif }
h1 { font-size: 1.25rem; margin: 0 0 .8rem; overflow-wrap: anywhere }
h2 { font-size: 1rem; margin: 0 0 .3rem; color: var(--tone) }
dl { display: flex; flex-wrap: wrap; gap: .5rem 2.2rem; margin: 0 0 1rem }
dt { color: var(--dim); font-size: .75rem; text-transform: uppercase; letter-spacing: .04em }
dd { margin: 0; font-weight: 600; overflow-wrap: anywhere }
.fine { margin: 0; color: var(--state); font-weight: 600 }
.problems { margin: 0; padding: 0; list-style: none; columns: 32rem 2; column-gap: 2rem }
.problems li { border-left: 3px solid var(--error); padding: .05rem .5rem; margin: .15rem 0; break-inside: avoid }
.problems li.conflict { border-color: var(--conflict) }
.problems a { color: inherit; font-variant-numeric: tabular-nums } .problems .where { color: var(--dim); font-size: .85em }
.bar { display: flex; flex-wrap: wrap; justify-content: space-between; gap: .2rem 2rem; margin: 1rem 0 0; font-size: .85rem }
.bar p { margin: 0; display: flex; flex-wrap: wrap; gap: .2rem 1rem }
.key { color: var(--tone) } .key::before { content: "→ "; font-weight: 700 }
.toggle { position: absolute; opacity: 0 }
.toggles label { cursor: pointer; color: var(--dim) } .toggles label::before { content: "☐ " }
#hide-quiet:checked ~ main label[for=hide-quiet]::before, #hide-notes:checked ~ main label[for=hide-notes]::before,
#only-problems:checked ~ main label[for=only-problems]::before { content: "☑ " }
#hide-quiet:focus-visible ~ main label[for=hide-quiet], #hide-notes:focus-visible ~ main label[for=hide-notes],
#only-problems:focus-visible ~ main label[for=only-problems] { outline: 2px solid var(--request) }
#hide-quiet:checked ~ main .quiet, #hide-notes:checked ~ main .note,
#only-problems:checked ~ main .row:not(.problem):not(.milestone) { display: none }
.cells, .heads { display: grid; grid-template-columns: 5.2rem 1.5rem minmax(0, 1fr) 1.5rem minmax(0, 1fr) 1.5rem 5.2rem }
.heads { position: sticky; top: 0; z-index: 5; background: var(--bg); padding: .6rem 0 .4rem; align-items: end }
.head { display: inline-flex; flex-direction: column; justify-self: center; align-items: center; white-space: nowrap;
  background: var(--soft); border: 1px solid var(--line); border-radius: 6px; padding: .15rem .6rem; font-size: .75rem;
  color: var(--dim); width: max-content; grid-row: 1 }
.head b { font-size: .9rem; color: var(--ink) }
.head.initiator { grid-column: 2; border-top: 3px solid var(--ini) }
.head.node { grid-column: 4; border-top: 3px solid var(--dim) }
.head.responder { grid-column: 6; border-top: 3px solid var(--res) }
.heads .round { display: none }
summary { list-style: none; cursor: pointer } summary::-webkit-details-marker { display: none }
summary:hover, .row:target > .cells { background: var(--soft) }
details[open] > summary { background: var(--soft) }
.row { --tone: var(--info); scroll-margin-top: 5rem }
.request { --tone: var(--request) } .sign { --tone: var(--sign) } .state { --tone: var(--state) }
.chain { --tone: var(--chain) } .info { --tone: var(--info) } .message { --tone: var(--message) }
.reply { --tone: var(--reply) } .quiet { --tone: var(--quiet) } .conflict { --tone: var(--conflict) }
.error, .row.problem.socket { --tone: var(--error) }
.row.conflict > .cells { background: var(--conflict-bg) }
.row.error > .cells, .row.problem.socket > .cells { background: var(--error-bg) }
.row.problem .gutter { box-shadow: inset 4px 0 var(--tone) } .row.problem .label, .row.problem .text { font-weight: 600 }
.gutter { color: var(--dim); font-size: .72rem; font-variant-numeric: tabular-nums; padding: .3rem .3rem 0 .6rem;
  display: flex; justify-content: space-between; gap: .3rem; white-space: nowrap; overflow: hidden; align-self: stretch }
.gutter .at { opacity: .75 }
.lane { position: relative; min-height: 1.3rem }
.lane::before { content: ""; position: absolute; inset: 0 auto 0 50%; border-left: 1px dashed var(--line); margin-left: -.5px }
.lane.active::before { border-left: 8px solid var(--line); margin-left: -4px; opacity: .55 }
.lane.node::before { border-left: 8px solid var(--line); margin-left: -4px; opacity: .8 }
.half { position: relative; min-width: 0; display: flex; align-items: flex-end }
.arrow { position: relative; display: block; width: 100%; padding: .22rem .7rem .12rem; color: var(--tone) }
.label { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; overflow-wrap: anywhere;
  font-size: .84rem; line-height: 1.25 }
.leftwards .label { padding-left: .3rem }
.label code { font: 600 .78rem ui-monospace, "DejaVu Sans Mono", monospace; color: var(--tone) }
.label .text { color: var(--ink) } .quiet .label .text { color: var(--quiet) }
.arrow::before { content: ""; position: absolute; left: -.5rem; right: -.5rem; bottom: 0; border-bottom: 1.5px solid var(--tone) }
.quiet .arrow::before { border-bottom: 1px dotted var(--tone) }
.arrow::after { content: ""; position: absolute; bottom: -4px; border: 5px solid transparent }
.rightwards::after { right: -.5rem; border-right: 0; border-left: 8px solid var(--tone) }
.leftwards::after { left: -.5rem; border-left: 0; border-right: 8px solid var(--tone) }
.quiet .label { font-size: .72rem; line-height: 1.1 } .quiet .label code { font-size: .68rem; font-weight: 400 }
.quiet .gutter { padding-top: .1rem }
.frame > .cells { padding-bottom: 0 }
.round { text-align: center; font-size: .78rem; color: var(--dim); align-self: end; font-variant-numeric: tabular-nums }
.frame .round:not(:empty)::before { content: "round "; opacity: .7 }
.plug { font-size: .8rem; color: var(--dim); padding: .35rem .2rem .1rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
.opened .plug { color: var(--state) } .left .plug { margin-right: auto } .right .plug { margin-left: auto }
.row.problem .plug { color: var(--error); font-weight: 600 }
.note > .cells > * { grid-row: 1 }
.note .lane.initiator { grid-column: 2 } .note .lane.node { grid-column: 4 } .note .lane.responder { grid-column: 6 }
.remark { grid-column: 3 / 6; position: relative; justify-self: center; font-size: .8rem; font-style: italic; color: var(--dim); background: var(--soft); border-radius: 4px;
  padding: .1rem .6rem; margin: .25rem 0; max-width: 100%; overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
.milestone { padding: .45rem 5.2rem }
.band { display: flex; align-items: center; gap: .8rem; background: var(--band); border-radius: 6px; padding: .3rem .9rem;
  border-left: 4px solid var(--state) }
.closing .band { background: var(--band-end); border-color: var(--chain) }
.band .name { font-weight: 700; flex: 1 } .band .unknown { color: var(--dim) }
.amount { font-variant-numeric: tabular-nums; white-space: nowrap } .amount.initiator { color: var(--ini) } .amount.responder { color: var(--res) }
.share { display: inline-block; width: 9rem; height: .55rem; border-radius: 3px; overflow: hidden; background: var(--res) }
.part { display: block; height: 100%; background: var(--ini) }
.details { margin: .2rem 5.2rem .8rem; padding: .7rem 1rem; background: var(--soft); border: 1px solid var(--line); border-radius: 6px }
.details table { border-collapse: collapse; margin-bottom: .6rem; font-size: .82rem }
.details th { text-align: left; font-weight: 500; color: var(--dim); padding: .05rem 1rem .05rem 0; white-space: nowrap; vertical-align: top }
.details td { overflow-wrap: anywhere } 
pre { margin: 0; font: .76rem/1.45 ui-monospace, "DejaVu Sans Mono", monospace; white-space: pre-wrap; overflow-wrap: anywhere }
footer { margin-top: 1.5rem; color: var(--dim); font-size: .8rem }
@media (max-width: 700px) { body { padding: 1rem .4rem } .cells, .heads { grid-template-columns: 2.4rem 1rem minmax(0, 1fr) 1rem minmax(0, 1fr) 1rem 2.4rem }
  .at, .share { display: none } .head.initiator { justify-self: start } .head.responder { justify-self: end }
  .band { flex-wrap: wrap } .problems { columns: auto } .milestone { padding: .3rem 0 } .details { margin: .2rem 0 .6rem } }
@media print { .heads { position: static } .bar .toggles, footer { display: none } }
`

"""Style and script of the report: no fonts, files or scripts from elsewhere."""

CSS = '''
:root { --ink: #1d2430; --soft: #566072; --line: #d9dee6; --back: #f5f7fa; --card: #fff;
  --good: #14693f; --good-back: #e3f4ea; --same: #5a4a08; --same-back: #fbf3d6;
  --bad: #9c1f1f; --bad-back: #fdeaea; --link: #1554a5; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main, header { max-width: 1120px; margin: 0 auto; padding: 0 20px; }
header { padding-top: 26px; }
h1 { font-size: 1.55rem; line-height: 1.25; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 0 0 .6rem; }
h3 { font-size: 1rem; margin: 1.1rem 0 .4rem; }
p { margin: .4rem 0 .8rem; max-width: 76ch; }
a { color: var(--link); }
.soft, figcaption, caption { color: var(--soft); }
nav { margin: .5rem 0 0; font-size: .92rem; }
nav a { display: inline-block; margin-right: .9rem; padding: .2rem 0; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 18px 20px; margin: 16px 0; }
.verdict { border-width: 0 0 0 8px; border-style: solid; }
.verdict .word { font-size: 1.5rem; font-weight: 700; margin: 0 0 .2rem; }
.verdict .sentence { font-size: 1.08rem; }
.better { background: var(--good-back); border-color: var(--good); }
.better .word { color: var(--good); }
.same { background: var(--same-back); border-color: #a98a12; }
.same .word { color: var(--same); }
.worse { background: var(--bad-back); border-color: var(--bad); }
.worse .word { color: var(--bad); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .93rem; }
caption { text-align: left; padding-bottom: .3rem; }
th, td { text-align: left; padding: .4rem .6rem; border-bottom: 1px solid var(--line);
  vertical-align: top; }
th { font-weight: 600; white-space: nowrap; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td small { display: block; color: var(--soft); max-width: 52ch; line-height: 1.35; }
.up { color: var(--good); font-weight: 600; }
.down { color: var(--bad); font-weight: 600; }
.pictures { display: grid; gap: 14px;
  grid-template-columns: repeat(auto-fill, minmax(310px, 1fr)); }
figure { margin: 0; min-width: 0; }
figure img { width: 100%; height: auto; display: block; border-radius: 6px; background: #222; }
figcaption { font-size: .85rem; line-height: 1.35; margin-top: .25rem; overflow-wrap: anywhere; }
.zoom { display: block; width: 100%; padding: 0; border: 0; background: none; cursor: zoom-in;
  font: inherit; }
.zoom:focus-visible, summary:focus-visible, a:focus-visible { outline: 3px solid #2f7fe0;
  outline-offset: 2px; }
.full { position: fixed; inset: 0; z-index: 9; background: rgba(10, 12, 16, .94);
  cursor: zoom-out; }
.full img { width: 100vw; height: 100vh; object-fit: contain; background: none; }
.charts { display: grid; gap: 14px; grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); }
svg { width: 100%; height: auto; display: block; }
svg text { font: 11px system-ui, sans-serif; fill: var(--soft); }
svg.bars { max-width: 640px; }
svg .title { font-size: 13px; font-weight: 600; fill: var(--ink); }
pre { background: #eef1f5; border-radius: 6px; padding: .7rem .8rem; overflow-x: auto;
  font: .84rem/1.45 ui-monospace, "DejaVu Sans Mono", Consolas, monospace; margin: .4rem 0 .9rem; }
details { border-top: 1px solid var(--line); padding: .5rem 0; }
summary { cursor: pointer; font-weight: 600; padding: .2rem 0; }
.missing { color: var(--soft); font-style: italic; }
footer { max-width: 1120px; margin: 0 auto; padding: 4px 20px 30px; color: var(--soft);
  font-size: .88rem; }
@media (max-width: 560px) {
  main, header, footer { padding-left: 12px; padding-right: 12px; }
  section { padding: 14px 12px; }
  .pictures, .charts { grid-template-columns: 1fr; }
  th, td { padding: .35rem .4rem; }
  .cards thead { display: none; }
  .cards tr { display: grid; grid-template-columns: 1fr 1fr 1fr; padding: .5rem 0;
    border-bottom: 1px solid var(--line); }
  .cards td { border: 0; padding: .2rem 0; text-align: left; white-space: normal; }
  .cards td:first-child { grid-column: 1 / -1; font-weight: 600; }
  .cards td:first-child small { font-weight: 400; }
  .cards td:empty { display: none; }
  .cards td:not(:first-child)::before { content: attr(data-label); display: block;
    color: var(--soft); font-size: .8rem; }
}
@media print {
  body { background: #fff; font-size: 10.5pt; }
  main, header { max-width: none; padding: 0; }
  section { border-color: #bbb; padding: 8px 10px; margin: 8px 0; }
  nav { display: none; }
  figure, tr, pre { break-inside: avoid; }
  .pictures { grid-template-columns: repeat(3, 1fr); gap: 8px; }
  .charts { grid-template-columns: repeat(2, 1fr); }
  pre { white-space: pre-wrap; }
  details::details-content { content-visibility: visible; display: block; }
  details.long::details-content { display: none; }
  .verdict { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
'''

#: Click or Enter: a picture fills the window; again or Escape: back. Printing opens what is short.
SCRIPT = '''
document.addEventListener('click', function (event) {
  var open = document.querySelector('.full');
  var picture = event.target.closest ? event.target.closest('.zoom') : null;
  if (open) { open.classList.remove('full'); }
  if (picture && picture !== open) { picture.classList.add('full'); }
});
document.addEventListener('keydown', function (event) {
  var open = document.querySelector('.full');
  if (event.key === 'Escape' && open) { open.classList.remove('full'); }
});
'''

"""How the page of `lockstep listen` looks and what a click on it does."""

STYLE = """
:root{--paper:#fbfaf8;--card:#fff;--ink:#1d2430;--soft:#667085;--line:#e5e3de;--odd:#f1f5fb;--even:#fbf6ea;
--voice:#2f6fb5;--bed:#7fb59d;--effects:#9b6fd0;--gain:#d0504a;--mark:#d97a00}
@media(prefers-color-scheme:dark){:root{--paper:#12161c;--card:#1a2029;--ink:#e8eaee;--soft:#97a1b1;--line:#2b333f;
--odd:#1d2530;--even:#26241d;--voice:#5b9ce0;--bed:#4f8770;--gain:#f08a80;--mark:#ffae42}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:1180px;margin:0 auto;padding:32px 24px 64px}
h1{font-size:26px;margin:0;overflow-wrap:anywhere}h2{font-size:17px;margin:0 0 4px}
p{color:var(--soft);margin:2px 0 14px;max-width:80ch}
.warning{color:var(--gain);font-weight:600;margin:4px 0}
section,dl>div{background:var(--card);border:1px solid var(--line);border-radius:12px}
section{padding:16px 18px;margin-top:18px;overflow-x:auto}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(165px,1fr));gap:14px;margin:18px 0 0}
dl>div{padding:12px 16px}dt{color:var(--soft);font-size:13px}
dd{margin:2px 0 0;font-size:18px;font-weight:600;white-space:nowrap;font-variant-numeric:tabular-nums}
.player{position:sticky;top:0;z-index:1}audio{width:100%}
.key{display:flex;flex-wrap:wrap;gap:4px 16px;font-size:13px;margin:8px 0 0;max-width:none}
.key b{display:inline-block;width:14px;height:11px;border-radius:3px;margin-right:6px;vertical-align:baseline}
.key .voice{background:var(--voice)}.key .bed{background:var(--bed)}.key .effects{background:var(--effects)}
.key .gain{background:var(--gain);height:3px;vertical-align:middle}
svg{display:block;width:100%;min-width:760px;margin-bottom:14px;cursor:pointer}
.odd{fill:var(--odd)}.even{fill:var(--even)}.voice{fill:var(--voice)}.bed{fill:var(--bed)}
.effects{fill:var(--effects);fill-opacity:.8}
.gain{fill:none;stroke:var(--gain);stroke-width:2}.level{stroke:var(--line)}
text{font-size:10.5px;fill:var(--soft)}.scene{font-size:12px;font-weight:600;fill:var(--ink)}
.db{font-size:9px;paint-order:stroke;stroke:var(--card);stroke-width:3px}.word{fill:var(--ink);cursor:pointer}.word:hover,.word.now{fill:var(--mark);font-weight:700}
.head{stroke:var(--mark);stroke-width:1.5;visibility:hidden}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th{font-size:12px;font-weight:500;color:var(--soft);text-align:right;padding:4px 10px;
border-bottom:1px solid var(--line)}
td{text-align:right;padding:5px 10px;border-bottom:1px solid var(--line);white-space:nowrap;font-size:14px}
th:first-child,td:first-child{text-align:left;padding-left:0}
"""

SCRIPT = """
const sound=document.getElementById("sound"),rows=[...document.querySelectorAll("svg")],
words=[...document.querySelectorAll(".word")].map(e=>({e,start:+e.dataset.start,end:+e.dataset.end}));
const playFrom=ms=>{sound.currentTime=ms/1000;sound.play()};
for(const row of rows)row.addEventListener("click",event=>{const word=event.target.closest(".word");
if(word)return playFrom(+word.dataset.start);const box=row.getBoundingClientRect();
playFrom(+row.dataset.start+(event.clientX-box.left)/box.width*__ROW_MS__)});
function show(){const now=sound.currentTime*1000;
for(const row of rows){const head=row.querySelector(".head"),inside=now>=+row.dataset.start&&now<+row.dataset.end;
head.style.visibility=inside?"visible":"hidden";
if(inside)head.setAttribute("transform",`translate(${(now-row.dataset.start)*__PIXELS__} 0)`)}
for(const word of words)word.e.classList.toggle("now",now>=word.start&&now<word.end)}
(function frame(){show();requestAnimationFrame(frame)})();
"""
"""`__ROW_MS__` and `__PIXELS__` (a millisecond's) stand for the scale of the drawing."""

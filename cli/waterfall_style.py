"""How the page of `lockstep trace --html` looks, in a light and in a dark room."""

STYLE = """
:root{--paper:#fbfaf8;--card:#fff;--ink:#1d2430;--soft:#667085;--line:#e5e3de;--queue:#d9d5cc;--work:#b9cbe3;
--find:#c9a7eb;--fetch:#6fb7a7;--probe:#e0b04a;--ffmpeg:#2f6fb5;--store:#4a9a5b;--other:#7d8ba1;--failed:#d0504a;
--retry:#f0b8ad;--critical:#d97a00;--on-critical:#fff}
@media(prefers-color-scheme:dark){:root{--paper:#12161c;--card:#1a2029;--ink:#e8eaee;--soft:#97a1b1;--line:#2b333f;
--queue:#3a4350;--work:#39506e;--ffmpeg:#5b9ce0;--retry:#6d3a36;--critical:#ffae42;--on-critical:#241a08}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:1180px;margin:0 auto;padding:32px 24px 64px}
h1{font-size:26px;margin:0;letter-spacing:-.01em;overflow-wrap:anywhere}
h2{font-size:17px;margin:0 0 4px}
p{color:var(--soft);margin:2px 0 14px;max-width:80ch}
em{font-style:normal;color:var(--critical);margin-right:5px}
.id{font-size:13px;overflow-wrap:anywhere}
.verdict{color:var(--ink);font-size:17px;margin:14px 0 0}
.failure{color:var(--failed);font-weight:600}
section,dl>div{background:var(--card);border:1px solid var(--line);border-radius:12px}
section{padding:20px 22px;margin-top:20px}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(210px,1fr));gap:14px;margin:18px 0 0}
dl>div{padding:12px 16px}dt{color:var(--soft);font-size:13px}
dd{margin:2px 0 0;font-size:19px;font-weight:600;font-variant-numeric:tabular-nums}
.key{display:flex;flex-wrap:wrap;gap:4px 16px;font-size:13px}
.key b{display:inline-block;width:11px;height:11px;border-radius:3px;margin-right:6px}
.line,.axis{display:grid;grid-template-columns:170px 1fr 84px;gap:12px;align-items:center;min-height:27px}
.line label{text-align:right;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.line.critical label{font-weight:600}
.line label small{display:block;font-weight:400;line-height:1.1;overflow:hidden;text-overflow:ellipsis}
small{color:var(--soft);font-size:12px}
.bars,.axis div{position:relative;height:18px}
.axis div{grid-column:2;height:22px}
.axis i{position:absolute;transform:translateX(-50%);font-style:normal;font-size:12px;color:var(--soft);
white-space:nowrap}
.bars{background-image:linear-gradient(90deg,var(--line) 1px,transparent 1px);
background-size:var(--step) 100%;height:27px}
.bars b{position:absolute;top:5px;height:17px;min-width:2px;border-radius:3px}
.bars b.queue,.bars b.retry{top:10px;height:7px}
.bars b.stage{top:5px;height:17px;border-radius:2px}
.critical .bars b.work{outline:2px solid var(--critical);outline-offset:0}
.took{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums;font-size:13px}
.strip{display:flex;height:26px;border-radius:6px;overflow:hidden;margin-bottom:12px;gap:1px}
.strip b{min-width:1px;color:var(--on-critical);
font-size:12px;font-weight:600;line-height:26px;text-align:center;overflow:hidden}
.queue{background:var(--queue)}.work{background:var(--work)}.find{background:var(--find)}.fetch{background:var(--fetch)}
.probe{background:var(--probe)}.ffmpeg{background:var(--ffmpeg)}.store{background:var(--store)}
.other{background:var(--other)}.failed{background:var(--failed)}.retry{background:var(--retry)}
.untold{background:repeating-linear-gradient(45deg,var(--line),var(--line) 4px,var(--card) 4px,var(--card) 8px)}
.strip .work,.dot.work,.measured{background:var(--critical)}.guess{background:var(--work)}
.dot{display:inline-block;width:10px;height:10px;border-radius:50%;margin-right:8px}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th{font-size:12px;font-weight:500;color:var(--soft);text-align:right;padding:4px 10px;
border-bottom:1px solid var(--line)}
td{text-align:right;padding:5px 10px;border-bottom:1px solid var(--line);white-space:nowrap;font-size:14px}
th:first-child,td:first-child{text-align:left;padding-left:0}
.axis .took{font-size:12px;color:var(--soft)}
.fitters .line{grid-template-columns:150px 1fr 84px 130px}
.fitters .bars{background:none;border:0}
@media(max-width:700px){main{padding:20px 12px 40px}section{padding:16px 14px}h1{font-size:21px}
.line,.axis{grid-template-columns:92px 1fr 74px;gap:8px}.line label{font-size:13px}
.axis i:nth-child(even){display:none}.fitters .line{grid-template-columns:92px 1fr 74px}
.fitters small{grid-column:2/-1;text-align:right;margin-top:-8px}
td,th{padding-left:7px;padding-right:7px}td{font-size:13px}}
@media print{body{background:#fff}section,dl>div{break-inside:avoid}}
"""

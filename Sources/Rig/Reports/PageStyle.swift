/// Colours and measures of all pages. Dark and light follow the reader's system.
enum PageStyle {
    static let source = """
        :root{color-scheme:light dark;--back:#f7f7f5;--panel:#fff;--ink:#1d2024;--dim:#5a616a;--rule:#dcdedf;
        --stripe:#f3f4f4;--blue:#2b6cb0;--bad:#c5302d;--fault:#b76a00;--good:#2a7a4b;--on:#fff;
        --s0:#c9ced4;--s1:#9cc3ec;--s2:#9fd3b4;--s3:#cdb4e6;--s4:#f0c98e;--s5:#e9b5b5;--label:#1d2024}
        @media(prefers-color-scheme:dark){:root{--back:#131517;--panel:#1b1e21;--ink:#e5e7e9;--dim:#a0a7af;
        --rule:#34393f;--stripe:#202428;--blue:#6cabea;--bad:#ff6f66;--fault:#f2a93f;--good:#63c28e;--on:#131517;
        --s0:#4a5159;--s1:#28527d;--s2:#22573a;--s3:#54397a;--s4:#6d4a12;--s5:#6e2f2f;--label:#e5e7e9}}
        *{box-sizing:border-box}
        body{margin:0;background:var(--back);color:var(--ink);font:15px/1.5 system-ui,sans-serif;
        font-variant-numeric:tabular-nums}
        header,main,footer{max-width:82rem;margin:auto;padding:0 1rem}
        header{padding-top:1.25rem}
        h1{font-size:1.35rem;line-height:1.3;margin:.25rem 0 .75rem;overflow-wrap:anywhere}
        h2{font-size:1.05rem;margin:0 0 .5rem}
        h3{font-size:.95rem;margin:1rem 0 .25rem;position:sticky;left:0;width:fit-content}
        section{background:var(--panel);border:1px solid var(--rule);border-radius:8px;padding:1rem;margin:1rem 0}
        a{color:var(--blue)}
        code,pre,.mono{font:13px/1.5 ui-monospace,Menlo,Consolas,monospace}
        pre{background:var(--stripe);border:1px solid var(--rule);border-radius:6px;padding:.5rem .75rem;margin:.25rem 0;
        overflow-x:auto;white-space:pre-wrap;overflow-wrap:anywhere}
        :focus-visible{outline:3px solid var(--blue);outline-offset:2px}
        .skip{position:absolute;left:-99rem}.skip:focus{left:1rem;top:.5rem;background:var(--panel);padding:.25rem .5rem}
        nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:.25rem 1rem;padding:0;margin:.75rem 0}
        .badge{display:inline-block;border-radius:5px;padding:.05rem .55rem;font-weight:650;color:var(--on);background:var(--bad)}
        .badge.passed{background:var(--good)}.badge.vacuous,.badge.broken{background:var(--fault)}
        .tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(8.5rem,1fr));gap:.5rem;padding:0;margin:.75rem 0}
        .tiles div{background:var(--panel);border:1px solid var(--rule);border-radius:8px;padding:.45rem .7rem}
        .tiles dt{color:var(--dim);font-size:.8rem}.tiles dd{margin:0;font-size:1.15rem;font-weight:600;overflow-wrap:anywhere}
        dl.facts{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:.25rem 0}
        dl.facts dt{color:var(--dim)}dl.facts dd{margin:0;overflow-wrap:anywhere}
        .dim,.note{color:var(--dim)}.note{font-size:.85rem;margin:.35rem 0 0;max-width:60rem}
        .bad{color:var(--bad)}.good{color:var(--good)}
        .scroll{overflow-x:auto;overscroll-behavior-x:contain}
        .scroll .note{position:sticky;left:0;width:fit-content;max-width:min(60rem,calc(100vw - 3.5rem))}
        table{border-collapse:collapse;width:100%;font-size:.88rem}
        th,td{text-align:left;padding:.2rem .6rem;border-bottom:1px solid var(--rule);vertical-align:top;white-space:nowrap}
        table.snug{width:auto;max-width:100%}.snug th:first-child{padding-right:2rem}th{font-weight:600}thead th{color:var(--dim);vertical-align:bottom}
        td.text{white-space:normal;min-width:10rem;overflow-wrap:anywhere}td.text code{white-space:nowrap}
        th.wide,td.wide{width:50%;min-width:16rem}td.wide,th.wide{padding-block:0}
        .n{text-align:right}.never{color:var(--dim);background:repeating-linear-gradient(135deg,transparent 0 4px,var(--rule) 4px 5px)}
        td.hit{font-weight:600}tr.failed td:first-child,tr.failed th:first-child{box-shadow:inset 3px 0 var(--bad)}
        tr.failed .event{color:var(--bad);font-weight:600}tr.injected .event{color:var(--fault);font-weight:600}
        svg{display:block;width:100%;overflow:visible}svg text{font:11px system-ui,sans-serif;fill:var(--ink)}
        .b1,.b2,.b3,.b4,.b5,.bar,.area{fill:var(--blue)}.floor{fill:none;stroke:var(--rule);vector-effect:non-scaling-stroke}.b1{fill-opacity:.42}.b2{fill-opacity:.56}.b3{fill-opacity:.7}
        .b4{fill-opacity:.85}.x{fill:var(--bad)}.f{fill:var(--fault)}.stripe{fill:var(--stripe)}
        rect.x{stroke:var(--bad)}rect.f{stroke:var(--fault)}
        .s0{fill:var(--s0)}.s1{fill:var(--s1)}.s2{fill:var(--s2)}.s3{fill:var(--s3)}.s4{fill:var(--s4)}.s5{fill:var(--s5)}
        line{stroke-width:1}line.fault{stroke:var(--fault);stroke-dasharray:3 3;opacity:.75}line.violation{stroke:var(--bad);stroke-width:2}
        line.tick{stroke:var(--rule)}line.p99{stroke:var(--ink);stroke-dasharray:2 2}
        .heat{shape-rendering:crispEdges;background:var(--stripe);overflow:hidden}
        .key{display:inline-block;width:.8rem;height:.8rem;border-radius:2px;vertical-align:-.1rem;border:1px solid var(--rule)}
        .key.s0{background:var(--s0)}.key.s1{background:var(--s1)}.key.s2{background:var(--s2)}.key.s3{background:var(--s3)}
        .key.s4{background:var(--s4)}.key.s5{background:var(--s5)}.key.x{background:var(--bad)}.key.f{background:var(--fault)}
        .key.v{width:0;border:0;border-left:2px solid var(--bad);border-radius:0;margin-inline:.3rem}
        .zoom{border:0;padding:0;margin:0 0 .5rem;display:flex;flex-wrap:wrap;gap:.25rem .75rem;align-items:center}
        .zoom legend{float:left;padding:0 .75rem 0 0;color:var(--dim)}.zoom label{padding:.1rem 0}
        .time{--zoom:1;min-width:calc(36rem*var(--zoom));width:calc(100%*var(--zoom))}
        .pictures:has(#zoom4:checked) .time{--zoom:4}.pictures:has(#zoom16:checked) .time{--zoom:16}
        .z4,.z16,.pictures:has(#zoom4:checked) .z1,.pictures:has(#zoom16:checked) .z1{display:none}
        .pictures:has(#zoom4:checked) .z4,.pictures:has(#zoom16:checked) .z16{display:inline}
        .row{display:grid;grid-template-columns:9rem 1fr;margin-bottom:2px}.spaced .row{margin-bottom:7px}
        .labels{position:sticky;left:0;background:var(--panel);z-index:1;font-size:.8rem;line-height:18px;padding-right:.5rem;overflow:hidden}
        .labels span{color:var(--dim)}.lane,.state,.rate{white-space:nowrap}.lane{display:flex;justify-content:space-between}
        .state{line-height:22px;display:flex;justify-content:space-between}
        .map{height:96px;display:flex;flex-direction:column;justify-content:space-between;line-height:1.2}
        .map span{text-align:right}.map b{margin-top:auto}.map b+span{margin-bottom:auto;text-align:left}
        .share{display:flex;height:.9rem;border-radius:4px;overflow:hidden;background:var(--rule);margin:.5rem 0}
        .share svg{height:100%}.share .passed{fill:var(--good)}.share .failed{fill:var(--bad)}.share .unsure{fill:var(--fault)}
        .distribution{min-width:36rem}.tools{display:none;gap:.5rem;flex-wrap:wrap;margin:.25rem 0 .5rem}.scripted .tools{display:flex}
        input[type=search],select,button{font:inherit;color:inherit;background:var(--panel);border:1px solid var(--dim);border-radius:5px;
        padding:.15rem .5rem;max-width:100%}
        [hidden]{display:none!important}
        @media(max-width:40rem){body{font-size:14px}header,main,footer{padding:0 .6rem}header{padding-top:.75rem}section{padding:.7rem}
        .row{grid-template-columns:7rem 1fr}.labels{font-size:.75rem}.state span{display:none}td.text{min-width:11rem}
        td.event{white-space:normal}.tiles{grid-template-columns:1fr 1fr}dl.facts{grid-template-columns:1fr;gap:0}
        dl.facts dd{margin-bottom:.35rem}}
        @media print{.tools,.zoom,nav{display:none!important}section{break-inside:avoid;border-color:#999}}
        """
}

/// The little that needs a script: copying the command and filtering tables. Pages are whole without it.
enum PageScript {
    static let source = """
        document.documentElement.classList.add('scripted');
        for (const tools of document.querySelectorAll('.tools[data-table]')) {
          const rows = [...document.getElementById(tools.dataset.table).tBodies[0].rows];
          const text = tools.querySelector('input'), lane = tools.querySelector('select');
          const count = tools.querySelector('output');
          const filter = () => {
            const wanted = text.value.toLowerCase();
            let shown = 0;
            for (const row of rows) {
              row.hidden = !(row.textContent.toLowerCase().includes(wanted) &&
                (!lane || !lane.value || row.dataset.lane === lane.value));
              shown += !row.hidden;
            }
            count.textContent = shown + ' of ' + rows.length;
          };
          text.addEventListener('input', filter);
          if (lane) lane.addEventListener('change', filter);
          filter();
        }
        for (const button of document.querySelectorAll('button[data-copy]')) {
          button.addEventListener('click', async () => {
            try {
              await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
              button.textContent = 'Copied';
            } catch { getSelection().selectAllChildren(document.getElementById(button.dataset.copy)); }
          });
        }
        """
}

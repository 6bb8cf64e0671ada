//! The report as one page: a percentile plot, the table, budgets, counts and the host.
//!
//! What it is not: a program; there is no script in it and nothing is fetched.
//!
//! Invariant: every text that came from outside is escaped; a budget's fate is in words, not in colour alone.

use std::fmt::Write;

use super::text::plain;
use super::{Held, Percentiles, Report, Stage, duration};

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 380.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 40.0;
/// The right edge: 1 - 10^-6, as HdrHistogram's plotter draws it.
const NINES_MAX: f64 = 6.0;
const POINTS: usize = 240;
const COLOURS: [&str; 8] =
    ["#3b82f6", "#f97316", "#10b981", "#a855f7", "#eab308", "#ec4899", "#14b8a6", "#94a3b8"];
const STYLE: &str = "\
:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;\
background:Canvas;color:CanvasText}table{border-collapse:collapse;width:100%;margin:1rem 0}\
th,td{padding:.3rem .6rem;text-align:right;border-bottom:1px solid #8886;white-space:nowrap}\
th:first-child,td:first-child,td:last-child,th:last-child{text-align:left}\
td:last-child{white-space:normal}svg{width:100%;height:auto}svg text{fill:CanvasText;font-size:12px}\
.held{color:#16a34a;font-weight:600}.broken{color:#ef4444;font-weight:600}.none{color:#a16207;font-weight:600}\
.grid{stroke:#8885;stroke-width:1}.line{fill:none;stroke-width:2}.host{opacity:.75}\
.key{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin-right:.4em}";

pub(super) fn render(report: &Report) -> String {
    let title = escape(&report.title);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>Tickbridge: {title}</title><style>{STYLE}</style></head><body>\n\
         <h1>Latency: {title}</h1>\n<p class=\"host\">{}</p>\n",
        escape(&report.fingerprint.to_string())
    );
    plot(&mut page, &report.stages);
    stages(&mut page, &report.stages);
    budgets(&mut page, report);
    counts(&mut page, report);
    page.push_str("</body></html>\n");
    page
}

/// Horizontal place of a quantile: `-log10(1 - q)` nines, from 0 to [`NINES_MAX`].
fn x(nines: f64) -> f64 {
    LEFT + (WIDTH - LEFT - RIGHT) * nines / NINES_MAX
}

fn plot(page: &mut String, stages: &[Stage]) {
    let drawn: Vec<&Stage> = stages.iter().filter(|stage| !stage.histogram.is_empty()).collect();
    if drawn.is_empty() {
        page.push_str("<p>No stage has samples, so there is no plot.</p>\n");
        return;
    }
    let low = drawn.iter().map(|stage| stage.histogram.min().max(1)).min().unwrap_or(1);
    let high = drawn.iter().map(|stage| stage.histogram.max().max(10)).max().unwrap_or(10);
    let (low, high) = ((low as f64).log10().floor(), (high as f64).log10().ceil());
    let high = high.max(low + 1.0);
    let y = |ns: f64| TOP + (HEIGHT - TOP - BOTTOM) * (high - ns.max(1.0).log10()) / (high - low);
    let _ = writeln!(
        page,
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"latency by percentile, both axes logarithmic\">"
    );
    for decade in low as i32..=high as i32 {
        let (value, at) = (10f64.powi(decade), y(10f64.powi(decade)));
        let _ = writeln!(
            page,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/><text x=\"{}\" y=\"{:.1}\" \
             text-anchor=\"end\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 8.0,
            at + 4.0,
            duration(value as u64)
        );
    }
    for (nines, label) in ["0%", "90%", "99%", "99.9%", "99.99%", "99.999%", "99.9999%"].iter().enumerate() {
        let at = x(nines as f64);
        let anchor = if nines as f64 == NINES_MAX { "end" } else { "middle" };
        let _ = writeln!(
            page,
            "<line class=\"grid\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{}\"/><text x=\"{at:.1}\" y=\"{}\" \
             text-anchor=\"{anchor}\">{label}</text>",
            HEIGHT - BOTTOM,
            HEIGHT - BOTTOM + 20.0
        );
    }
    for (index, stage) in stages.iter().enumerate().filter(|(_, stage)| !stage.histogram.is_empty()) {
        let colour = COLOURS[index % COLOURS.len()];
        let _ = write!(page, "<polyline class=\"line\" stroke=\"{colour}\" points=\"");
        // Past one sample in `count` the curve would only repeat the maximum.
        let last = (stage.histogram.len() as f64).log10().clamp(0.3, NINES_MAX);
        for point in 0..=POINTS {
            let nines = last * point as f64 / POINTS as f64;
            let ns = stage.histogram.value_at_quantile(1.0 - 10f64.powf(-nines)) as f64;
            let _ = write!(page, "{:.1},{:.1} ", x(nines), y(ns));
        }
        page.push_str("\"/>\n");
    }
    page.push_str("</svg>\n");
}

fn stages(page: &mut String, stages: &[Stage]) {
    page.push_str(
        "<table><tr><th>stage</th><th>count</th><th>p50</th><th>p99</th><th>p99.9</th><th>p99.99</th><th>max</th>\
         <th>boundary</th></tr>\n",
    );
    for (index, stage) in stages.iter().enumerate() {
        let p = Percentiles::of(&stage.histogram);
        let colour = COLOURS[index % COLOURS.len()];
        let name = escape(&stage.name);
        let _ = write!(
            page,
            "<tr><td><span class=\"key\" style=\"background:{colour}\"></span>{name}</td><td>{}</td>",
            p.count
        );
        for ns in [p.p50, p.p99, p.p999, p.p9999, p.max] {
            let shown = if p.count == 0 { "-".into() } else { duration(ns) };
            let _ = write!(page, "<td>{shown}</td>");
        }
        let _ = writeln!(page, "<td>{}</td></tr>", escape(&stage.boundary));
    }
    page.push_str("</table>\n");
}

fn budgets(page: &mut String, report: &Report) {
    if report.budgets.is_empty() {
        return;
    }
    page.push_str("<h2>Budgets</h2>\n<table><tr><th>budget</th><th>stage</th><th>target p99</th><th>seen p99</th><th>verdict</th></tr>\n");
    for budget in &report.budgets {
        let class = match budget.held {
            Held::Held => "held",
            Held::Broken => "broken",
            Held::NoSamples => "none",
        };
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td class=\"{class}\">{}</td></tr>",
            escape(&budget.name),
            escape(&budget.stage),
            duration(budget.target_ns),
            budget.p99_ns.map_or("-".into(), duration),
            budget.held.word()
        );
    }
    page.push_str("</table>\n");
}

fn counts(page: &mut String, report: &Report) {
    if !report.counts.is_empty() {
        page.push_str("<h2>Counts</h2>\n<table>\n");
        for (name, count) in &report.counts {
            let _ = writeln!(page, "<tr><td>{}</td><td>{}</td></tr>", escape(name), escape(&plain(count)));
        }
        page.push_str("</table>\n");
    }
    if let Some(journal) = &report.journal {
        let _ = writeln!(page, "<p>Journal: <code>{}</code></p>", escape(&journal.display().to_string()));
    }
}

fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            _ => safe.push(c),
        }
    }
    safe
}

//! What `inspect` shows, in three forms: a table for a terminal, JSON, and one self-contained HTML page.

use crate::anatomy::{Anatomy, Field};
use crate::failure::{Exit, Failure};
use crate::objects::hex;
use crate::report;
use std::fmt::Write as _;

/// Everything that is shown.
pub(crate) struct Page {
    /// The file.
    pub(crate) name: String,
    /// How it is wrapped.
    pub(crate) trail: Vec<String>,
    /// The line of a text.
    pub(crate) line: Option<usize>,
    /// What it is.
    pub(crate) kind: String,
    /// Its fields.
    pub(crate) anatomy: Anatomy,
    /// Whether it would be imported, and as what or why not.
    pub(crate) verdict: Result<String, String>,
    /// Further remarks.
    pub(crate) notes: Vec<String>,
    /// Secret bytes are shown.
    pub(crate) show_secrets: bool,
}

/// Bytes of a field in a table.
const PREVIEW: usize = 16;

impl Page {
    fn shown(&self, field: &Field) -> Option<String> {
        (!field.secret || self.show_secrets).then(|| hex(field.bytes.expose()))
    }

    fn is_wrong(&self, field: &Field) -> bool {
        match (self.anatomy.wrong_at, field.offset) {
            (Some(wrong), Some(offset)) => wrong == offset || wrong > offset && wrong < offset.saturating_add(field.bytes.len()),
            _ => false,
        }
    }

    fn how(&self) -> String {
        let mut how = self.trail.join(", ");
        if let Some(line) = self.line {
            let _ = write!(how, ", line {line}");
        }
        how
    }

    /// For a terminal or a file.
    pub(crate) fn text(&self, colour: bool) -> String {
        let paint = |code: &str, text: &str| if colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() };
        let mut out = format!("{}: {}\n{}\n\n", self.name, self.how(), paint("1", &self.kind));
        let mut rows = vec![["OFFSET", "LENGTH", "FIELD", "BYTES", "MEANING"].map(str::to_owned).to_vec()];
        for field in &self.anatomy.fields {
            let bytes = match self.shown(field) {
                None => "(secret)".to_owned(),
                Some(all) if all.len() > PREVIEW * 2 => format!("{}…", all.get(..PREVIEW * 2).unwrap_or_default()),
                Some(all) => all,
            };
            let mark = if self.is_wrong(field) { "  <-- here" } else { "" };
            let offset = field.offset.map_or_else(String::new, |o| o.to_string());
            rows.push(vec![offset, field.bytes.len().to_string(), field.name.clone(), bytes, format!("{}{mark}", field.meaning)]);
        }
        for line in report::table(&rows).lines() {
            let painted = if line.ends_with("<-- here") { paint("31", line) } else { line.to_owned() };
            out.push_str(&painted);
            out.push('\n');
        }
        out.push('\n');
        match &self.verdict {
            Ok(text) => out.push_str(&format!("{} {text}\n", paint("32", "would be imported:"))),
            Err(text) => out.push_str(&format!("{} {text}\n", paint("31", "would be refused:"))),
        }
        for note in &self.notes {
            out.push_str(&format!("note: {note}\n"));
        }
        out
    }

    /// For programs.
    pub(crate) fn json(&self) -> Result<String, Failure> {
        let fields: Vec<serde_json::Value> = self
            .anatomy
            .fields
            .iter()
            .map(|f| {
                serde_json::json!({
                    "name": f.name.trim(), "offset": f.offset, "length": f.bytes.len(), "bytes": self.shown(f), "meaning": f.meaning,
                    "secret": f.secret, "wrong": self.is_wrong(f),
                })
            })
            .collect();
        let (imports, verdict) = match &self.verdict {
            Ok(text) => (true, text),
            Err(text) => (false, text),
        };
        let page = serde_json::json!({
            "file": self.name, "wrapping": self.trail, "line": self.line, "kind": self.kind, "fields": fields, "imports": imports,
            "verdict": verdict, "wrong_at": self.anatomy.wrong_at, "notes": self.notes,
        });
        serde_json::to_string_pretty(&page).map(|t| format!("{t}\n")).map_err(|e| Failure::new(Exit::Internal, e.to_string()))
    }

    /// For a colleague: no script, no link to anywhere.
    pub(crate) fn html(&self) -> String {
        let mut rows = String::new();
        for field in &self.anatomy.fields {
            let class = match (self.is_wrong(field), field.secret) {
                (true, _) => " class=\"wrong\"",
                (false, true) => " class=\"secret\"",
                (false, false) => "",
            };
            let bytes = self.shown(field).map_or_else(|| "masked".to_owned(), |b| spaced(&b));
            let _ = writeln!(
                rows,
                "<tr{class}><td>{}</td><td>{}</td><td>{}</td><td><code>{bytes}</code></td><td>{}</td></tr>",
                field.offset.map_or_else(String::new, |o| o.to_string()),
                field.bytes.len(),
                escape(&field.name).replace("  ", "&#160;&#160;"),
                escape(&field.meaning)
            );
        }
        let (class, title, verdict) = match &self.verdict {
            Ok(text) => ("good", "Would be imported", text),
            Err(text) => ("bad", "Would be refused", text),
        };
        let notes: String = self.notes.iter().map(|n| format!("<p>{}</p>", escape(n))).collect();
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{name}</title><style>\n\
             body{{font:15px/1.5 system-ui,sans-serif;margin:2em;max-width:70em}}table{{border-collapse:collapse;width:100%}}\n\
             td,th{{border:1px solid #ccc;padding:.2em .6em;text-align:left;vertical-align:top}}code{{word-break:break-all}}\n\
             .wrong{{background:#fdd}}.secret{{background:#f4f4f4;color:#777}}.good{{border-left:.4em solid #2a2;padding-left:.8em}}\n\
             .bad{{border-left:.4em solid #c22;padding-left:.8em}}</style></head><body>\n\
             <h1>{name}</h1><p>{how}</p><h2>{kind}</h2>\n<p class=\"{class}\"><strong>{title}.</strong> {verdict}</p>{notes}\n\
             <table><tr><th>Offset</th><th>Length</th><th>Field</th><th>Bytes</th><th>Meaning</th></tr>\n{rows}</table>\n\
             <p>{secrets}</p></body></html>\n",
            name = escape(&self.name),
            how = escape(&self.how()),
            kind = escape(&self.kind),
            verdict = escape(verdict),
            secrets = if self.show_secrets { "Secret bytes are shown: keep this page to yourself." } else { "Secret bytes are masked." },
        )
    }
}

fn spaced(digits: &str) -> String {
    let pairs: Vec<&str> = (0..digits.len()).step_by(2).filter_map(|i| digits.get(i..i.saturating_add(2))).collect();
    pairs.join(" ")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

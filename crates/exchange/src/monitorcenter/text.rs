//! Reading Prometheus' text format, as the process's own recorder writes it.

use std::collections::BTreeMap;

use super::report::{Family, Kind, Sample};

/// Families in the order of the text. Lines that are none, and values that are no finite number, are passed over.
pub(super) fn parse(text: &str) -> Vec<Family> {
    let mut families: Vec<Family> = Vec::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            if let Some((name, kind)) = rest.split_once(' ') {
                families.push(Family { name: name.to_owned(), kind: kind_of(kind), samples: Vec::new() });
            }
            continue;
        }
        let Some(sample) = sample(line) else { continue };
        match families.last_mut() {
            Some(family) if sample.name.starts_with(&family.name) => family.samples.push(sample),
            _ => families.push(Family { name: sample.name.clone(), kind: Kind::Untyped, samples: vec![sample] }),
        }
    }
    families
}

fn kind_of(name: &str) -> Kind {
    match name.trim() {
        "counter" => Kind::Counter,
        "gauge" => Kind::Gauge,
        "histogram" => Kind::Histogram,
        "summary" => Kind::Summary,
        _ => Kind::Untyped,
    }
}

/// `name{label="value",…} 1.5`
fn sample(line: &str) -> Option<Sample> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let name_end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(name_end);
    let mut labels = BTreeMap::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (label, after) = rest.split_once("=\"")?;
            let (value, after) = quoted(after)?;
            labels.insert(label.trim_start_matches(',').trim().to_owned(), value);
            rest = after;
        }
        rest = &rest[1..];
    }
    let value: f64 = rest.split_whitespace().next()?.parse().ok()?;
    value.is_finite().then(|| Sample { name: name.to_owned(), labels, value })
}

/// The text up to the closing quotation mark, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_a_recorder_writes() {
        let text = "# HELP x y\n# TYPE x_total counter\nx_total{service=\"a\"} 5\nx_total 7\n\n\
            # TYPE l_us histogram\nl_us_bucket{le=\"10\"} 1\nl_us_bucket{le=\"+Inf\"} 2\nl_us_sum 1e3\nl_us_count 2\n\
            # TYPE g gauge\ng{a=\"q\\\"\\\\\\n,}\",b=\"\"} -0.5\ng NaN\nbroken{a=\"\nlone 1 1700000000\n";
        let families = parse(text);
        let lines: Vec<String> = families
            .iter()
            .flat_map(|family| {
                let line = move |s: &Sample| {
                    format!("{} {} {} {:?} {}", family.name, family.kind.name(), s.name, s.labels, s.value)
                };
                family.samples.iter().map(line)
            })
            .collect();
        let wanted = [
            "x_total counter x_total {\"service\": \"a\"} 5",
            "x_total counter x_total {} 7",
            "l_us histogram l_us_bucket {\"le\": \"10\"} 1",
            "l_us histogram l_us_bucket {\"le\": \"+Inf\"} 2",
            "l_us histogram l_us_sum {} 1000",
            "l_us histogram l_us_count {} 2",
            "g gauge g {\"a\": \"q\\\"\\\\\\n,}\", \"b\": \"\"} -0.5",
            "lone untyped lone {} 1",
        ];
        assert_eq!(lines, wanted);
    }
}

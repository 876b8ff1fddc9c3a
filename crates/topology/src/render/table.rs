//! Columns for a terminal.

use std::fmt::Write;

use crate::render::{View, exposure_text};

pub(super) fn render(view: View<'_>) -> String {
    let topology = view.topology;
    let mut rows = vec![["SERVICE", "BUILT", "EXPOSURE", "ADDRESS", "ROLE"].map(str::to_owned)];
    for service in &topology.services {
        let first = service.ports.first().and_then(|port| view.addresses.of(&service.name, port.port));
        let built = if view.is_built(service) { "yes" } else { "no" };
        rows.push([
            service.name.clone(),
            built.to_owned(),
            exposure_text(service),
            first.map_or_else(|| "-".to_owned(), |address| address.ip().to_string()),
            service.role.clone(),
        ]);
    }
    let mut text = columns(&rows);

    let mut rows = vec![["HOST", "PATH", "UPSTREAM"].map(str::to_owned)];
    for route in &topology.routes {
        let hosts: Vec<String> = route.hosts.iter().map(|host| topology.settings.resolve(host)).collect();
        let websocket = if route.websocket { " (WebSocket)" } else { "" };
        rows.push([hosts.join(", "), route.path.clone(), format!("{}{websocket}", route.upstream)]);
    }
    text.push('\n');
    text.push_str(&columns(&rows));

    let mut rows = vec![["MIDDLEWARE", "DOMAIN", "KIND"].map(str::to_owned)];
    for one in &topology.middleware {
        rows.push([one.name(&topology.settings), one.domain.clone(), one.kind.clone()]);
    }
    text.push('\n');
    text.push_str(&columns(&rows));

    let built = topology.services.iter().filter(|service| view.is_built(service)).count();
    writeln!(text, "\n{built} of {} services are built.", topology.services.len())
        .expect("writing to a string does not fail");
    text
}

/// Pads every column but the last to its widest cell.
fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            line.push_str(cell);
            let pad = width - cell.chars().count() + 2;
            line.extend(std::iter::repeat_n(' ', pad));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

//! A flow chart: solid arrows for calls, dotted ones for data that comes unasked; what is not built is dashed.

use std::fmt::{self, Write};

use crate::{model::Kind, render::View};

pub(super) fn render(view: View<'_>) -> String {
    let mut text = String::new();
    write(view, &mut text).expect("writing to a string does not fail");
    text
}

fn write(view: View<'_>, out: &mut String) -> fmt::Result {
    let topology = view.topology;
    writeln!(out, "flowchart LR")?;
    for hop in &topology.edge {
        let protocol = hop.protocol.map_or(String::new(), |one| format!(" · {}", one.as_str()));
        writeln!(out, "  {}[\"{} {}{protocol}\"]", hop.name, hop.kind, hop.name)?;
    }
    for namespace in &topology.namespaces {
        let inside = || topology.services.iter().filter(|one| one.namespace == namespace.name);
        if inside().next().is_none() {
            continue;
        }
        writeln!(out, "  subgraph ns-{}[\"{}: {}\"]", namespace.name, namespace.name, namespace.title)?;
        for service in inside() {
            let ports: Vec<String> = service.ports.iter().map(|port| port.port.to_string()).collect();
            let (open, close) = match service.kind {
                Kind::Service => ("[", "]"),
                Kind::Job => ("([", "])"),
            };
            let ports = if ports.is_empty() { String::new() } else { format!(" :{}", ports.join(" :")) };
            let class = if view.is_built(service) { "" } else { ":::planned" };
            writeln!(out, "    {}{open}\"{}{ports}\"{close}{class}", service.name, service.name)?;
        }
        writeln!(out, "  end")?;
    }
    for one in &topology.middleware {
        writeln!(out, "  {}[(\"{}\")]", one.id, one.name(&topology.settings))?;
    }
    arrows(view, out)?;
    writeln!(out, "  classDef planned stroke-dasharray: 5 5")
}

fn arrows(view: View<'_>, out: &mut String) -> fmt::Result {
    let topology = view.topology;
    for hop in &topology.edge {
        for target in hop.forwards_to.iter().filter(|target| *target != "routes") {
            let service = target.split(':').next().unwrap_or(target);
            writeln!(out, "  {} --> {service}", hop.name)?;
        }
        if hop.forwards_to.iter().any(|target| target == "routes") {
            for route in &topology.routes {
                writeln!(out, "  {} -->|\"{}\"| {}", hop.name, route.path, route.upstream.service)?;
            }
        }
    }
    for service in &topology.services {
        for other in &service.depends_on {
            writeln!(out, "  {} --> {other}", service.name)?;
        }
        for other in &service.feeds {
            writeln!(out, "  {} -.-> {other}", service.name)?;
        }
    }
    Ok(())
}

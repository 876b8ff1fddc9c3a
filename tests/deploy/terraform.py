"""Holds deploy/terraform together as far as that goes without Terraform and its providers.

Everything parses; whatever is named is declared, and whatever is declared is used; templates get the variables that they
have; names of balancers are the topology's; lines are as `terraform fmt` writes them. Prints every fault, one a line.
"""

import json
import pathlib
import re
import sys

import hcl2

FOLDER = pathlib.Path(sys.argv[1])
REFERENCES = {
    "variable": re.compile(r"\bvar\.(\w+)"),
    "local": re.compile(r"\blocal\.(\w+)"),
    "data": re.compile(r"\bdata\.(\w+\.\w+)"),
    "resource": re.compile(r"(?<![\w.])((?:aws|random)_\w+\.\w+)"),
}
# Declared for its own sake: nobody has to name them.
ENDS = {"resource"}


def bare(word):
    return word.strip('"')


def declared(documents):
    """What each file declares, by kind."""
    found = {kind: set() for kind in REFERENCES}
    for document in documents:
        found["variable"] |= {bare(name) for block in document.get("variable", []) for name in names(block)}
        for block in document.get("locals", []):
            found["local"] |= {bare(name) for name in names(block)}
        for kind in ("data", "resource"):
            for block in document.get(kind, []):
                for type_, inner in names(block).items():
                    found[kind] |= {f"{bare(type_)}.{bare(name)}" for name in names(inner)}
    return found


def names(block):
    return {name: value for name, value in block.items() if not name.startswith("__")}


def code(text):
    """The text without comments; strings stay, for what they interpolate."""
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))


def references(text, faults, found, used, where):
    for kind, pattern in REFERENCES.items():
        body = re.sub(r"\bdata\.\w+\.\w+", "", text) if kind == "resource" else text
        for name in pattern.findall(body):
            used[kind].add(name)
            if name not in found[kind]:
                faults.append(f"{where}: {kind} {name} is not declared")


def templates(text, faults, where):
    """A template's variables are those that it is given."""
    calls = re.findall(r'templatefile\("\$\{path\.module\}/([^"]+)", \{(.*?)\n\s*\}\)', text, re.S)
    for file, given in calls:
        path = FOLDER / file
        if not path.exists():
            faults.append(f"{where}: {file} is not there")
            continue
        given = set(re.findall(r"^\s*(\w+)\s*=", given, re.M))
        asked = set(re.findall(r"\$\{(\w+)\}", path.read_text()))
        if given != asked:
            faults.append(f"{where}: {file} gets {sorted(given)} and asks for {sorted(asked)}")
    if text.count("templatefile(") != len(calls):
        faults.append(f"{where}: a call of templatefile was not understood")
    return {file for file, _ in calls}


def depth(line):
    """How much deeper the next line is."""
    plain = re.sub(r'"(?:[^"\\]|\\.)*"', '""', line)
    return sum(plain.count(mark) for mark in "{[(") - sum(plain.count(mark) for mark in "}])")


def layout(text, faults, where):
    """Two spaces a level, and the equals signs of neighbouring lines in one column."""
    level, heredoc, run = 0, None, []

    def column(at):
        if len({place for place, _ in run}) > 1 or any(place != longest(run) for place, _ in run):
            faults.append(f"{where}:{at}: equals signs are not in one column; run terraform fmt")
        run.clear()

    def longest(entries):
        return max(len(key.rstrip()) for _, key in entries) + 1 if entries else 0

    for at, line in enumerate(text.splitlines(), 1):
        if heredoc:
            heredoc = None if line.strip() == heredoc else heredoc
            continue
        if line != line.rstrip() or "\t" in line:
            faults.append(f"{where}:{at}: a tab, or a space at the end")
        if not line.strip():
            column(at)
            continue
        closes = len(re.match(r"\s*([}\])]*)", line)[1]) > 0
        indent = len(line) - len(line.lstrip())
        if indent % 2 or (not closes and level and indent == 0):
            faults.append(f"{where}:{at}: indented by {indent}")
        started = re.search(r"<<-?(\w+)$", line)
        heredoc = started[1] if started else None
        attribute = re.match(r"^(\s*[\w\"/{}$.*-]+\s*)= \S", line)
        if attribute and depth(line) == 0:
            if run and len(run[0][1]) - len(run[0][1].lstrip()) != indent:
                column(at)
            run.append((len(attribute[1]), attribute[1]))
        elif not line.lstrip().startswith("#"):
            column(at)
        level += depth(line)
    column("end")
    if level:
        faults.append(f"{where}: brackets do not match")


def main():
    faults = []
    files = sorted(FOLDER.glob("*.tf"))
    texts = {path.name: path.read_text() for path in files}
    topology = json.loads((FOLDER / "topology.tf.json").read_text())
    documents = []
    for name, text in texts.items():
        try:
            documents.append(hcl2.loads(text))
        except Exception as error:  # noqa: BLE001 - whatever the parser raises is the fault
            faults.append(f"{name}: {error}")
    found = declared(documents)
    found["local"] |= set(topology["locals"])
    used = {kind: set() for kind in REFERENCES}
    asked = set()
    for name, text in texts.items():
        references(code(text), faults, found, used, name)
        asked |= templates(text, faults, name)
        layout(text, faults, name)
        for balancer in re.findall(r'(?:aws_lb\w*\.\w+|topology_edge|gateway_hosts)\["([\w-]+)"\]|^\s+"(apisix-[\w-]+)"', text, re.M):
            balancer = balancer[0] or balancer[1]
            if balancer not in topology["locals"]["topology_edge"]:
                faults.append(f"{name}: the topology has no balancer {balancer}")
    for kind in REFERENCES.keys() - ENDS:
        faults += [f"{kind} {name} is declared and never used" for name in sorted(found[kind] - used[kind])]
    there = {str(path.relative_to(FOLDER)) for path in FOLDER.glob("**/*.tftpl")}
    faults += [f"{name} is not used" for name in sorted(there - asked)]
    for fault in faults:
        print(fault)
    print(f"{len(files)} files, {sum(len(one) for one in found.values())} declarations, {len(faults)} faults")
    sys.exit(1 if faults or len(files) < 5 else 0)


main()

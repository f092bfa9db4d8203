//! firewalld's own files: it filters after translation, and must let through what the gate lets in.
//!
//! One zone, the default one, so that every interface is in it; sources are told apart by rich rules
//! with ipsets (firewalld 0.4.3). What pods send and receive is forwarded: by a policy where there are
//! such (0.9), by direct rules before.

use ipnet::IpNet;

use super::super::tree::NodeTree;
use super::{Allowed, FOLDER, Gate, family};
use crate::plan::ports::Protocol;
use crate::plan::profile::Firewall;
use crate::xml::Element;

const OWN: &str = "/etc/firewalld";

/// Ipsets, zone and forwarding; and the zone once more in the words of `firewall-cmd`, by which a
/// running firewalld is brought up to date: a reload would take the rules of others away.
pub(super) fn add(tree: &mut NodeTree, gate: &Gate, firewall: &Firewall) {
    let zone = zone(gate);
    for (name, networks) in zone.sets {
        let v4 = matches!(networks[0], IpNet::V4(_));
        let mut set = Element::new("ipset", &[("type", "hash:net")]);
        if !v4 {
            set.push(Element::new(
                "option",
                &[("name", "family"), ("value", "inet6")],
            ));
        }
        for net in networks {
            set.push(Element::new("entry", &[]).with_text(&net.to_string()));
        }
        tree.public(&format!("{OWN}/ipsets/{name}.xml"), set.document());
    }
    tree.public(&format!("{OWN}/zones/firstlight.xml"), zone.file.document());
    tree.public(&format!("{FOLDER}/firewalld"), zone.words);
    if firewall.policies {
        tree.public(
            &format!("{OWN}/policies/firstlight-pods.xml"),
            policy(&gate.pods).document(),
        );
    } else {
        tree.public(&format!("{OWN}/direct.xml"), direct(gate).document());
    }
}

struct Zone {
    file: Element,
    words: String,
    sets: Vec<(String, Vec<IpNet>)>,
}

fn zone(gate: &Gate) -> Zone {
    let mut zone = Zone {
        file: Element::new("zone", &[]),
        words: String::new(),
        sets: Vec::new(),
    };
    zone.file
        .push(Element::new("short", &[]).with_text("firstlight"));
    for (protocol, ports) in &gate.open {
        let name = protocol.as_str();
        if let Some(ports) = ports {
            let port = ports.to_string();
            zone.file
                .push(Element::new("port", &[("protocol", name), ("port", &port)]));
            line(&mut zone.words, &format!("port {port}/{name}"));
        } else {
            zone.file.push(Element::new("protocol", &[("value", name)]));
            line(&mut zone.words, &format!("protocol {name}"));
        }
    }
    let peers = gate
        .peers
        .iter()
        .map(|(peer, (nets, allowed))| (peer.as_str(), nets, allowed));
    let all = Vec::new();
    let everything = std::iter::once(("everything", &gate.everything, &all));
    for (name, networks, allowed) in peers.chain(everything) {
        for v4 in [true, false] {
            let of: Vec<IpNet> = family(networks, v4).copied().collect();
            if !of.is_empty() {
                let set = format!("firstlight-{name}{}", if v4 { '4' } else { '6' });
                rich(&mut zone, &set, v4, allowed);
                zone.sets.push((set, of));
            }
        }
    }
    for pods in &gate.pods {
        for services in &gate.services {
            services_of(&mut zone, pods, services);
        }
    }
    zone
}

/// Service addresses are the machine's own under ipvs.
fn services_of(zone: &mut Zone, pods: &IpNet, services: &IpNet) {
    if pods.network().is_ipv4() != services.network().is_ipv4() {
        return;
    }
    let family = if pods.network().is_ipv4() {
        "ipv4"
    } else {
        "ipv6"
    };
    let (pods, services) = (pods.to_string(), services.to_string());
    let mut rule = Element::new("rule", &[("family", family)]);
    rule.push(Element::new("source", &[("address", &pods)]));
    rule.push(Element::new("destination", &[("address", &services)]));
    rule.push(Element::new("accept", &[]));
    zone.file.push(rule);
    let words = format!(
        "rich rule family=\"{family}\" source address=\"{pods}\" destination address=\"{services}\" accept"
    );
    line(&mut zone.words, &words);
}

/// Rich rules for one source; one that accepts everything where nothing is named.
fn rich(zone: &mut Zone, set: &str, v4: bool, allowed: &[Allowed]) {
    let family = if v4 { "ipv4" } else { "ipv6" };
    let start = format!("rule family=\"{family}\" source ipset=\"{set}\"");
    let mut rule = |what: Option<Element>, words: String| {
        let mut rule = Element::new("rule", &[("family", family)]);
        rule.push(Element::new("source", &[("ipset", set)]));
        if let Some(what) = what {
            rule.push(what);
        }
        rule.push(Element::new("accept", &[]));
        zone.file.push(rule);
        line(&mut zone.words, &format!("rich {start}{words} accept"));
    };
    if allowed.is_empty() {
        rule(None, String::new());
    }
    for (protocol, ports) in allowed {
        let name = protocol.as_str();
        if let Some(ports) = ports {
            let port = ports.to_string();
            let what = Element::new("port", &[("port", &port), ("protocol", name)]);
            rule(
                Some(what),
                format!(" port port=\"{port}\" protocol=\"{name}\""),
            );
        } else {
            let what = Element::new("protocol", &[("value", name)]);
            rule(Some(what), format!(" protocol value=\"{name}\""));
        }
    }
}

/// Pods' packets pass, whichever way.
fn policy(pods: &[IpNet]) -> Element {
    let mut policy = Element::new("policy", &[("target", "CONTINUE")]);
    for end in ["ingress-zone", "egress-zone"] {
        policy.push(Element::new(end, &[("name", "ANY")]));
    }
    for net in pods {
        let family = if matches!(net, IpNet::V4(_)) {
            "ipv4"
        } else {
            "ipv6"
        };
        for end in ["source", "destination"] {
            let mut rule = Element::new("rule", &[("family", family)]);
            rule.push(Element::new(end, &[("address", &net.to_string())]));
            rule.push(Element::new("accept", &[]));
            policy.push(rule);
        }
    }
    policy
}

/// What pods send and receive; and what ESP carried, which the gate let in as what carried it.
fn direct(gate: &Gate) -> Element {
    let mut direct = Element::new("direct", &[]);
    let mut rule = |net: &IpNet, chain: &str, text: &str| {
        let family = if net.addr().is_ipv4() { "ipv4" } else { "ipv6" };
        let place = [
            ("priority", "0"),
            ("table", "filter"),
            ("ipv", family),
            ("chain", chain),
        ];
        direct.push(Element::new("rule", &place).with_text(text));
    };
    let mut peers = gate.peers.values().flat_map(|(_, allowed)| allowed);
    let esp = peers.any(|(protocol, _)| *protocol == Protocol::Esp);
    for net in &gate.pods {
        for end in ["-s", "-d"] {
            rule(net, "FORWARD", &format!("{end} {net} -j ACCEPT"));
        }
        if esp {
            rule(net, "INPUT", "-m policy --dir in --pol ipsec -j ACCEPT");
        }
    }
    direct
}

fn line(words: &mut String, text: &str) {
    words.push_str(text);
    words.push('\n');
}

/// Commands that give a firewalld of one's own the same zone.
pub(super) fn commands(gate: &Gate) -> String {
    let zone = zone(gate);
    let mut text = "# firstlight ports --format firewalld\nset -eu\n".to_owned();
    let mut command = |words: String| line(&mut text, &format!("firewall-cmd --permanent {words}"));
    command("--new-zone=firstlight".to_owned());
    for (name, networks) in zone.sets {
        let family = if networks[0].addr().is_ipv4() {
            "inet"
        } else {
            "inet6"
        };
        command(format!(
            "--new-ipset={name} --type=hash:net --option=family={family}"
        ));
        for net in networks {
            command(format!("--ipset={name} --add-entry={net}"));
        }
    }
    for words in zone.words.lines() {
        let (kind, what) = words.split_once(' ').expect("a kind and what");
        let kind = if kind == "rich" { "rich-rule" } else { kind };
        command(format!("--zone=firstlight --add-{kind}='{what}'"));
    }
    text
}

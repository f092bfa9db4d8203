//! What a row of the contract promises to somebody who stands here, and whether it was kept.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::plan::Plan;
use crate::plan::firewall::sources;
use crate::plan::ports::{Exposure, Peer, PortRow};

/// What became of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tcp {
    /// It was made.
    Open,
    /// It was answered with a reset: nothing listens, or a filter says so.
    Refused,
    /// No answer.
    Silent,
}

/// What a server made of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reply {
    /// Status of HTTP.
    Status(u16),
    /// It ended the connection: it did not come so far.
    Refused,
    /// Neither came in time.
    Silent,
}

/// A request, and its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// What the client showed.
    pub client: &'static str,
    /// What came back.
    pub reply: Reply,
}

/// What was seen of one row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Of each port that was tried.
    pub ports: Vec<(u16, Option<Tcp>)>,
    /// Of requests, where the row demands something of clients.
    pub answers: Vec<Answer>,
}

/// The end of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// As the contract says.
    Kept(String),
    /// Not so.
    Differs(String),
    /// Nobody could tell from here.
    NotJudged(String),
}

/// What the row promises here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Promise {
    /// Whoever asks gets through.
    Reach,
    /// Nobody here does.
    Shut,
    /// No firewall of ours keeps it: only what the service demands is judged.
    Unkept,
    /// No connection shows it.
    Untold,
}

impl Promise {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Reach => "reachable",
            Self::Shut => "shut",
            Self::Unkept => "authenticated",
            Self::Untold => "-",
        }
    }
}

/// Who somebody is to the contract, by the address that he sends from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Vantage {
    /// Peers that its rows name.
    peers: BTreeSet<Peer>,
    /// He may reach every port.
    everything: bool,
}

impl Vantage {
    pub(super) fn of(plan: &Plan, here: Option<IpAddr>) -> Self {
        let sources = sources(plan);
        let among = |nets: &[IpNet]| here.is_some_and(|ip| nets.iter().any(|n| n.contains(&ip)));
        let all = [Peer::Masters, Peer::Nodes, Peer::Pods, Peer::Trusted];
        let is = all.into_iter().filter(|peer| among(sources.of(*peer)));
        Self {
            peers: is.collect(),
            everything: among(&sources.everything),
        }
    }

    /// `masters, nodes`
    pub(super) fn as_text(&self) -> String {
        let mut words: Vec<&str> = self.peers.iter().map(|peer| peer.as_str()).collect();
        if words.is_empty() {
            words.push("anyone");
        }
        words.join(", ")
    }
}

pub(super) fn promise(plan: &Plan, row: &PortRow, vantage: &Vantage) -> Promise {
    if row.protocol.as_str() != "tcp" {
        return Promise::Untold;
    }
    let shut = !plan.firewall.ssh && plan.firewall.enabled && row.from == [Peer::Operators];
    match row.exposure {
        Exposure::Open if !shut => Promise::Reach,
        Exposure::Restricted => {
            let inside = row.from.iter().any(|peer| vantage.peers.contains(peer));
            match (inside || vantage.everything, plan.firewall.enabled) {
                (true, _) => Promise::Reach,
                (false, true) => Promise::Shut,
                (false, false) => Promise::Unkept,
            }
        }
        Exposure::Closed if vantage.everything => Promise::Unkept,
        _ => Promise::Shut,
    }
}

pub(super) fn verdict(row: &PortRow, promise: Promise, seen: &Seen) -> Verdict {
    if promise == Promise::Untold {
        let what = format!(
            "{} tells silence from a filter in no way",
            row.protocol.as_str()
        );
        return Verdict::NotJudged(what);
    }
    let of = |tcp: Tcp| seen.ports.iter().find(|(_, seen)| *seen == Some(tcp));
    if seen.ports.iter().any(|(_, seen)| seen.is_none()) {
        return Verdict::NotJudged("the connection could not be tried from here".to_owned());
    }
    if let Some(wrong) = seen.answers.iter().find_map(|answer| wrong(row, answer)) {
        return Verdict::Differs(wrong);
    }
    // a server that is slow has refused nobody
    if let Some(silent) = seen.answers.iter().find(|a| a.reply == Reply::Silent) {
        return Verdict::NotJudged(format!("no answer in time to a client {}", silent.client));
    }
    let tried = if seen.ports.len() > 1 {
        format!(" ({} of the range tried)", seen.ports.len())
    } else {
        String::new()
    };
    match (promise, of(Tcp::Open), of(Tcp::Silent)) {
        (Promise::Shut, Some((port, _)), _) => Verdict::Differs(format!("{port} answers")),
        (Promise::Shut, None, _) if seen.ports.is_empty() => {
            Verdict::NotJudged("every port of it is another row's".to_owned())
        }
        (Promise::Shut, None, _) => Verdict::Kept(format!("no connection{tried}")),
        (_, Some(_), _) => Verdict::Kept(demanded(row, seen)),
        (Promise::Reach, None, Some((port, _))) => {
            Verdict::Differs(format!("{port} is silent: a filter stands before it"))
        }
        (_, None, _) => Verdict::NotJudged(format!("nothing listens now{tried}")),
    }
}

/// An answer that a client without rights must not get.
fn wrong(row: &PortRow, answer: &Answer) -> Option<String> {
    let Reply::Status(status) = answer.reply else {
        return None;
    };
    let refused = matches!(status, 400 | 401 | 403);
    // a server of TLS may tell a client in plain HTTP that it is wrong here
    let in_plain = answer.client == PLAIN && status == 400;
    let kept = in_plain || (row.anonymous.is_some() && refused && answer.client != PLAIN);
    (!kept).then(|| format!("answers {status} to a client {}", answer.client))
}

/// A client without TLS.
pub(super) const PLAIN: &str = "without TLS";

fn demanded(row: &PortRow, seen: &Seen) -> String {
    let shown: Vec<String> = seen
        .answers
        .iter()
        .map(|answer| match answer.reply {
            Reply::Status(status) => format!("{} {status}", answer.client),
            Reply::Refused => format!("{} refused", answer.client),
            Reply::Silent => format!("{} silent", answer.client),
        })
        .collect();
    if shown.is_empty() {
        let said = if row.authentication.starts_with("none") {
            "answers"
        } else {
            "answers; what it demands was not tried"
        };
        return said.to_owned();
    }
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(more: &str) -> PortRow {
        let text = format!("{{ port: 2379, service: s, on: all, authentication: none, {more} }}");
        serde_yaml::from_str(&text).expect("a row")
    }

    fn seen(tcp: Tcp, answers: &[(&'static str, Reply)]) -> Seen {
        Seen {
            ports: vec![(2379, Some(tcp))],
            answers: answers
                .iter()
                .map(|(client, reply)| Answer {
                    client,
                    reply: *reply,
                })
                .collect(),
        }
    }

    #[test]
    fn what_must_be_shut_and_answers_differs() {
        let row = row("protocol: tcp, from: [nobody], exposure: closed");
        let judge = |tcp| verdict(&row, Promise::Shut, &seen(tcp, &[]));
        assert!(matches!(judge(Tcp::Open), Verdict::Differs(_)));
        assert!(matches!(judge(Tcp::Refused), Verdict::Kept(_)));
        assert!(matches!(judge(Tcp::Silent), Verdict::Kept(_)));
    }

    #[test]
    fn what_must_be_reachable_and_is_filtered_differs() {
        let row = row("protocol: tcp, from: [anyone], exposure: open");
        let judge = |tcp| verdict(&row, Promise::Reach, &seen(tcp, &[]));
        assert!(matches!(judge(Tcp::Open), Verdict::Kept(_)));
        assert!(matches!(judge(Tcp::Refused), Verdict::NotJudged(_)));
        assert!(matches!(judge(Tcp::Silent), Verdict::Differs(_)));
    }

    #[test]
    fn a_client_without_rights_gets_nothing() {
        let etcd =
            row("protocol: tcp, from: [masters], exposure: restricted, client_certificate: true");
        let kubelet = row("protocol: tcp, from: [masters], exposure: restricted, anonymous: /pods");
        let judge = |row: &PortRow, client, reply| {
            matches!(
                verdict(row, Promise::Unkept, &seen(Tcp::Open, &[(client, reply)])),
                Verdict::Kept(_)
            )
        };
        for status in [200, 401, 403] {
            assert!(!judge(
                &etcd,
                "without a certificate",
                Reply::Status(status)
            ));
        }
        assert!(judge(&etcd, "without a certificate", Reply::Refused));
        assert!(judge(&etcd, PLAIN, Reply::Status(400)));
        assert!(!judge(&etcd, PLAIN, Reply::Status(200)));
        assert!(judge(&kubelet, "without a certificate", Reply::Status(401)));
        assert!(judge(&kubelet, "without a certificate", Reply::Status(403)));
        assert!(!judge(
            &kubelet,
            "without a certificate",
            Reply::Status(200)
        ));
        assert!(!judge(
            &kubelet,
            "without a certificate",
            Reply::Status(404)
        ));
        assert!(!judge(&kubelet, PLAIN, Reply::Status(401)));
    }

    #[test]
    fn a_server_that_does_not_answer_in_time_has_refused_nobody() {
        let row =
            row("protocol: tcp, from: [masters], exposure: restricted, client_certificate: true");
        let slow = seen(Tcp::Open, &[("without a certificate", Reply::Silent)]);
        assert!(matches!(
            verdict(&row, Promise::Unkept, &slow),
            Verdict::NotJudged(_)
        ));
    }

    #[test]
    fn what_no_connection_shows_is_not_passed() {
        let row = row("protocol: udp, from: [nobody], exposure: closed");
        assert!(matches!(
            verdict(&row, Promise::Untold, &Seen::default()),
            Verdict::NotJudged(_)
        ));
    }
}

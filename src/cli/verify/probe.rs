//! Connections and requests, all at once, each with an end.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use reqwest::blocking::{Client, ClientBuilder};
use reqwest::{Certificate, Identity};

use super::judge::{Answer, PLAIN, Promise, Reply, Seen, Tcp};
use crate::compose::bracketed;
use crate::plan::ports::{PortRow, Ports};

/// A connection that takes longer is silence.
const CONNECT: Duration = Duration::from_millis(1200);
/// A request that takes longer got no answer.
const REQUEST: Duration = Duration::from_secs(2);
/// How many ports of a range are tried.
const SAMPLES: u16 = 16;

/// Who a host says that it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Who {
    /// It has a certificate of this cluster, for this address.
    Ours,
    /// It has one of this cluster, for another node.
    AnotherNode,
    /// It has one of somebody else.
    AnotherCluster,
    /// What answers there speaks no TLS.
    NoNode,
    /// Nothing that could tell was reached.
    Untold,
}

/// The address that this machine would send from.
pub(super) fn here(node: IpAddr) -> Option<IpAddr> {
    let any: SocketAddr = if node.is_ipv4() {
        ([0, 0, 0, 0], 0).into()
    } else {
        ([0u16; 8], 0).into()
    };
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect((node, 9)).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

/// `None`: this machine could not even try.
pub(super) fn connect(node: IpAddr, port: u16) -> Option<Tcp> {
    match TcpStream::connect_timeout(&(node, port).into(), CONNECT) {
        Ok(_) => Some(Tcp::Open),
        Err(error) => match error.kind() {
            ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => Some(Tcp::Refused),
            // the last two: what a router says of a host that is not there, or a filter that rejects
            ErrorKind::TimedOut
            | ErrorKind::WouldBlock
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable => Some(Tcp::Silent),
            _ => None,
        },
    }
}

/// Asks for the certificate of what listens on `port`, and judges it by the cluster's authority.
pub(super) fn who(node: IpAddr, port: u16, authority: &str) -> Who {
    if connect(node, port) != Some(Tcp::Open) {
        return Who::Untold;
    }
    let Ok(root) = Certificate::from_pem(authority.as_bytes()) else {
        return Who::Untold;
    };
    let client = builder().tls_certs_only([root]).build();
    let Some(error) = client
        .ok()
        .and_then(|c| c.get(url("https", node, port, "/healthz")).send().err())
    else {
        return Who::Ours;
    };
    let mut text = String::new();
    let mut cause: Option<&dyn std::error::Error> = Some(&error);
    while let Some(error) = cause {
        text.push_str(&format!("{error:?} {error} "));
        cause = error.source();
    }
    if text.contains("NotValidForName") {
        Who::AnotherNode
    } else if text.contains("InvalidCertificate") || text.contains("invalid peer certificate") {
        Who::AnotherCluster
    } else if text.contains("InvalidMessage") || text.contains("InvalidContentType") {
        Who::NoNode
    } else {
        Who::Untold
    }
}

/// What there is to see of one row from here; `others`: ports of its range that are other rows'.
pub(super) fn row(
    node: IpAddr,
    row: &PortRow,
    others: &[Ports],
    promise: Promise,
    foreign: Option<&Identity>,
) -> Seen {
    let (Some(ports), true) = (row.port, promise != Promise::Untold) else {
        return Seen::default();
    };
    let tried = all_at_once(&samples(ports, others), |port| {
        (*port, connect(node, *port))
    });
    let open = tried.iter().any(|(_, tcp)| *tcp == Some(Tcp::Open));
    let mut seen = Seen {
        ports: tried,
        answers: Vec::new(),
    };
    if open && promise != Promise::Shut && (row.client_certificate || row.anonymous.is_some()) {
        let path = row.anonymous.as_deref().unwrap_or("/");
        let clients = [
            (PLAIN, "http", None),
            ("without a certificate", "https", None),
            ("of another authority", "https", foreign),
        ];
        seen.answers = all_at_once(&clients, |(client, scheme, identity)| Answer {
            client,
            reply: ask(&url(scheme, node, ports.first, path), *identity),
        });
    }
    seen
}

/// A request by somebody who does not care whom he asks.
fn ask(url: &str, identity: Option<&Identity>) -> Reply {
    let mut client = builder().tls_danger_accept_invalid_certs(true);
    if let Some(identity) = identity {
        client = client.identity(identity.clone());
    }
    let sent = client.build().and_then(|client| client.get(url).send());
    match sent {
        Ok(answer) => Reply::Status(answer.status().as_u16()),
        Err(error) if error.is_timeout() => Reply::Silent,
        Err(_) => Reply::Refused,
    }
}

fn builder() -> ClientBuilder {
    Client::builder()
        .connect_timeout(CONNECT)
        .timeout(REQUEST)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
}

fn url(scheme: &str, node: IpAddr, port: u16, path: &str) -> String {
    format!("{scheme}://{}:{port}{path}", bracketed(node))
}

/// A certificate of nobody's authority, made for this run.
pub(super) fn foreign() -> Option<Identity> {
    let key = KeyPair::generate().ok()?;
    let params = CertificateParams::new(vec!["stranger".to_owned()]).ok()?;
    let certificate = params.self_signed(&key).ok()?;
    let pem = format!("{}{}", key.serialize_pem(), certificate.pem());
    Identity::from_pem(pem.as_bytes()).ok()
}

/// Both ends of a range, and some between.
fn samples(ports: Ports, others: &[Ports]) -> Vec<u16> {
    let span = u32::from(ports.last - ports.first);
    let steps = u32::from(SAMPLES - 1).min(span).max(1);
    let at = |step: u32| ports.first + u16::try_from(span * step / steps).unwrap_or(0);
    let mut all: Vec<u16> = (0..=steps).map(at).collect();
    all.dedup();
    all.retain(|port| !others.iter().any(|o| o.contains(Ports::from(*port))));
    all
}

/// Each in a thread of its own: they wait, and do nothing else.
pub(super) fn all_at_once<T: Sync, R: Send>(items: &[T], what: impl Fn(&T) -> R + Sync) -> Vec<R> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = items
            .iter()
            .map(|item| scope.spawn(|| what(item)))
            .collect();
        let joined = threads
            .into_iter()
            .map(|thread| thread.join().expect("a probe does not panic"));
        joined.collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_of_a_range_are_tried() {
        assert_eq!(samples(Ports::from(22), &[]), [22]);
        let of = |text| samples(Ports::read(text).expect("a range"), &[]);
        assert_eq!(of("2379-2380"), [2379, 2380]);
        let many = of("30000-32767");
        assert_eq!((many.len(), many[0], many[15]), (16, 30000, 32767));
    }

    #[test]
    fn what_another_row_opens_is_not_tried_for_a_range() {
        let range = |text| Ports::read(text).expect("a range");
        let tried = samples(
            range("30000-32767"),
            &[range("30000-30200"), range("32767")],
        );
        assert_eq!((tried.len(), tried[0], tried[12]), (13, 30368, 32582));
        assert!(samples(range("1-9"), &[range("1-9")]).is_empty());
    }
}

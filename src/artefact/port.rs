//! Rows of the port contract, as `overlays/ports.yml` and the `ports:` of a component have them.

use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One row: who listens where, for whom, behind what.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortRow {
    /// The ports, where the protocol has such.
    #[serde(default)]
    pub port: Option<Ports>,
    /// What carries it.
    pub protocol: Protocol,
    /// What listens. Rows of one port and one service are one listener.
    pub service: String,
    /// Nodes that have it.
    pub on: On,
    /// Who connects.
    pub from: Vec<Peer>,
    /// How far it reaches.
    pub exposure: Exposure,
    /// What a client has to show.
    pub authentication: String,
    /// It does without clients that show no certificate of the right authority.
    #[serde(default)]
    pub client_certificate: bool,
    /// A path of its HTTPS that answers 401 or 403 to clients without rights.
    #[serde(default)]
    pub anonymous: Option<String>,
    /// Address it is bound to, where that is neither every address nor 127.0.0.1.
    #[serde(default)]
    pub address: Option<String>,
    /// The row exists where all of these hold,
    #[serde(default)]
    pub when: Vec<Condition>,
    /// and none of these.
    #[serde(default)]
    pub unless: Vec<Condition>,
}

impl PortRow {
    /// `6443/tcp`, `30000-32767/udp`, `esp`
    pub fn port_text(&self) -> String {
        match self.port {
            Some(ports) => format!("{ports}/{}", self.protocol.as_str()),
            None => self.protocol.as_str().to_owned(),
        }
    }

    /// What it is bound to; `*` is every address.
    pub fn bound(&self) -> &str {
        match (&self.address, self.exposure) {
            (Some(address), _) => address,
            (None, Exposure::Localhost) => "127.0.0.1",
            (None, _) => "*",
        }
    }
}

/// A port, or a range of them with both ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ports {
    /// The lowest.
    pub first: u16,
    /// The highest.
    pub last: u16,
}

impl Ports {
    /// `6443` or `30000-32767`; `None` for what is no port from 1 to 65535, or begins after its end.
    pub fn read(text: &str) -> Option<Self> {
        let number = |text: &str| text.trim().parse::<u16>().ok().filter(|port| *port > 0);
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let ports = Self {
            first: number(first)?,
            last: number(last)?,
        };
        (ports.first <= ports.last).then_some(ports)
    }

    /// Whether both have a port.
    pub const fn overlaps(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    /// Whether all of `other` are among them.
    pub const fn contains(self, other: Self) -> bool {
        self.first <= other.first && other.last <= self.last
    }
}

impl From<u16> for Ports {
    fn from(port: u16) -> Self {
        Self {
            first: port,
            last: port,
        }
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}

impl<'de> Deserialize<'de> for Ports {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Ports;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a port from 1 to 65535, or a range such as `30000-32767`")
            }

            fn visit_u64<E: de::Error>(self, port: u64) -> Result<Ports, E> {
                self.visit_str(&port.to_string())
            }

            fn visit_i64<E: de::Error>(self, port: i64) -> Result<Ports, E> {
                self.visit_str(&port.to_string())
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Ports, E> {
                Ports::read(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        from.deserialize_any(Read)
    }
}

/// A closed set of words, by their names in YAML.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $word:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
        pub enum $name {
            $($(#[$word_doc])* #[serde(rename = $text)] $word,)+
        }

        impl $name {
            /// The word.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$word => $text,)+
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }
    };
}

words! {
    /// What carries it: a protocol with ports, or one of IP by its name in `/etc/protocols`.
    Protocol {
        /// TCP
        Tcp = "tcp",
        /// UDP
        Udp = "udp",
        /// Encapsulating security payload, 50
        Esp = "esp",
        /// IP in IP, 4
        Ipip = "ipip",
    }
}

impl Protocol {
    /// Whether it has ports.
    pub const fn has_ports(self) -> bool {
        matches!(self, Self::Tcp | Self::Udp)
    }

    /// IANA's number.
    pub const fn number(self) -> u8 {
        match self {
            Self::Ipip => 4,
            Self::Tcp => 6,
            Self::Udp => 17,
            Self::Esp => 50,
        }
    }
}

words! {
    /// Nodes that have a row.
    On {
        /// Those with the control plane.
        Masters = "masters",
        /// All others.
        Workers = "workers",
        /// Every one.
        All = "all",
        /// Those that the addon's `node_selector` names; without one, those that take any workload.
        Selector = "selector",
    }
}

words! {
    /// Who connects.
    Peer {
        /// Nodes with the control plane, by their addresses.
        Masters = "masters",
        /// Every node, by the networks that their addresses are in.
        Nodes = "nodes",
        /// Pods, by the pod networks.
        Pods = "pods",
        /// Hosts between which the pod network leaves packets unencrypted, and `network.firewall.trusted_subnets`.
        Trusted = "trusted",
        /// Everybody.
        Anyone = "anyone",
        /// People, from wherever they are.
        Operators = "operators",
        /// Programs on the same machine.
        Localhost = "localhost",
        /// Nobody.
        Nobody = "nobody",
    }
}

words! {
    /// How far a port reaches.
    Exposure {
        /// May be reached by anyone: it authenticates every request, or tells nothing.
        Open = "open",
        /// For those alone that the row names; the firewall of the node sees to it.
        Restricted = "restricted",
        /// Bound to an address that no other machine reaches.
        Localhost = "localhost",
        /// Nothing listens, or nobody reaches it.
        Closed = "closed",
    }
}

words! {
    /// What decides whether a row exists.
    Condition {
        /// The masters are members of an etcd of the cluster's own.
        EtcdMember = "etcd-member",
        /// The train's controller manager has an unauthenticated port that must be turned off.
        ControllerManagerPort = "controller-manager-port",
        /// The train's scheduler has one.
        SchedulerPort = "scheduler-port",
        /// The node has a firewall of ours.
        Firewall = "firewall",
        /// The node asks a DHCP server for its IPv4 address.
        Dhcp = "dhcp",
        /// systemd-resolved answers its programs.
        Resolved = "resolved",
        /// chrony keeps its clock.
        Chrony = "chrony",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_and_ranges_are_read_and_shown_alike() {
        for text in ["1", "6443", "30000-32767", "65535"] {
            assert_eq!(Ports::read(text).unwrap().to_string(), text);
        }
        for text in ["0", "65536", "-1", "20-10", "1-", "", "http", "1-2-3"] {
            assert_eq!(Ports::read(text), None, "{text}");
        }
    }

    #[test]
    fn ranges_overlap_where_they_share_a_port() {
        let ports = |text| Ports::read(text).unwrap();
        assert!(ports("30000-32767").overlaps(ports("32767")));
        assert!(!ports("30000-32767").overlaps(ports("32768-40000")));
        assert!(ports("30000-32767").contains(ports("30080")));
        assert!(!ports("30080").contains(ports("30000-32767")));
    }

    #[test]
    fn a_row_is_read_from_yaml() {
        let text = "{port: 30000-32767, protocol: udp, service: s, on: all, from: [nodes], \
                    exposure: restricted, authentication: none, unless: [dhcp]}";
        let row: PortRow = serde_yaml::from_str(text).unwrap();
        assert_eq!(row.port_text(), "30000-32767/udp");
        assert_eq!(row.bound(), "*");
        let bad = text.replace("32767", "70000");
        let error = serde_yaml::from_str::<PortRow>(&bad).unwrap_err();
        assert!(
            error.to_string().contains("a port from 1 to 65535"),
            "{error}"
        );
    }
}

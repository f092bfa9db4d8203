//! Checks of `hosts[].interfaces`.

use std::collections::BTreeMap;

use super::super::model::{Host, Link};
use super::Check;

impl Check<'_> {
    pub(super) fn interfaces(&mut self, path: &str, host: &Host) {
        let mut members: BTreeMap<&str, &str> = BTreeMap::new();
        for (at, interface) in host.interfaces.iter().enumerate() {
            let path = format!("{path}.interfaces[{at}]");
            let name = interface.name.as_str();
            if host.interfaces[..at].iter().any(|other| other.name == name) {
                self.error(
                    "interfaces/twice",
                    &format!("{path}.name"),
                    format!("the interface `{name}` is given twice"),
                    "give each once, with all of its addresses",
                );
            }
            if host.interface.as_deref() == Some(name)
                && (!interface.addresses.is_empty() || interface.dhcp || interface.mtu.is_some())
            {
                self.error(
                    "interfaces/main-has-address",
                    &path,
                    format!("`{name}` is the host's `interface`: its address and MTU are the host's"),
                    "give them as the host's `address` and `network.mtu`, and here only what it is made of",
                );
            }
            for (number, address) in interface.addresses.iter().enumerate() {
                if address.prefix.is_none() {
                    self.error(
                        "interfaces/no-prefix",
                        &format!("{path}.address[{number}]"),
                        format!("`{}` of `{name}` has no prefix", address.ip),
                        "write it with one, or `dhcp: true` where DHCP gives it",
                    );
                }
            }
            let of: &[String] = match &interface.link {
                Link::Card(_) => &[],
                Link::Bond(of, _) => of,
                Link::Vlan(on, _) => std::slice::from_ref(on),
            };
            for member in of {
                let taken = match interface.link {
                    Link::Bond(..) => members.insert(member, name),
                    _ => None,
                };
                let message = match taken {
                    _ if member == name => format!("`{name}` is made of itself"),
                    Some(other) => format!("`{member}` is in the bonds `{other}` and `{name}`"),
                    None => continue,
                };
                self.error(
                    "interfaces/bad-member",
                    &path,
                    message,
                    "name the interfaces below it, each in one bond",
                );
            }
        }
        self.private_interface(path, host);
    }

    /// The plan must know the address that others use.
    fn private_interface(&mut self, path: &str, host: &Host) {
        let Some(name) = &host.private_interface else {
            return;
        };
        if host.private_address.is_none() && host.address_of(name).is_none() {
            self.warning(
                "hosts/private-interface-unknown",
                &format!("{path}.private_interface"),
                format!("no address of `{name}` is planned: other nodes use `address`"),
                "add `private_address`, or the interface with its address to `interfaces`",
            );
        }
    }
}

//! Checks of `network.firewall` against the hosts.

use super::Check;

impl Check<'_> {
    /// Trusted networks in which no machine of the cluster is are more likely a slip than meant.
    pub(super) fn firewall(&mut self) {
        let trusted = &self.config.network.firewall.trusted_subnets;
        let hosts = &self.config.hosts;
        if trusted.is_empty() || hosts.is_empty() {
            return;
        }
        let inside = |host: &super::super::model::Host| {
            let own = host.addresses.iter().map(|address| address.ip);
            let more = host
                .interfaces
                .iter()
                .flat_map(|i| &i.addresses)
                .map(|a| a.ip);
            own.chain(host.private_address)
                .chain(more)
                .any(|ip| trusted.iter().any(|net| net.contains(&ip)))
        };
        if !hosts.iter().any(inside) {
            self.error(
                "firewall/trusted-without-nodes",
                "network.firewall.trusted_subnets",
                "no node is in any of these networks".into(),
                "add the network of the nodes; to let others reach single ports, name them in `open_ports`",
            );
        }
    }
}

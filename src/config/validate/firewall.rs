//! Checks of `network.firewall` against the hosts.

use super::super::model::Provider;
use super::Check;

impl Check<'_> {
    /// Trusted networks in which no machine of the cluster is are more likely a slip than meant.
    pub(super) fn firewall(&mut self) {
        self.ports_of_a_custom_network();
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

    /// Nodes would keep from each other what carries pods' packets, and nothing would say so.
    fn ports_of_a_custom_network(&mut self) {
        let network = &self.config.network;
        let firewall = &network.firewall;
        let said = !firewall.open_ports.is_empty() || !firewall.trusted_subnets.is_empty();
        if network.provider == Provider::Custom && firewall.enabled && !said {
            self.warning(
                "firewall/custom-network",
                "network.firewall.enabled",
                "no row of the port contract is of a network of your own: nodes shut its ports to each other".into(),
                "add the networks of the nodes to `trusted_subnets`, unless it needs no port between them",
            );
        }
    }
}

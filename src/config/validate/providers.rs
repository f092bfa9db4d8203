//! Checks of the settings of pod networks.

use ipnet::IpNet;

use super::super::model::Provider;
use super::super::pod_network::pod_networks;
use super::Check;

/// Weave Net's allocator refuses smaller networks.
const SMALLEST: u8 = 30;

impl Check<'_> {
    pub(super) fn providers(&mut self) {
        self.other_providers();
        match self.config.network.provider {
            Provider::Weave => self.weave(),
            Provider::Custom => self.custom(),
            Provider::Calico | Provider::Bridge => {}
        }
    }

    /// Settings of a provider that the cluster does not have are somebody's mistake, or Pharos's file.
    fn other_providers(&mut self) {
        let chosen = self.config.network.provider.as_str();
        for other in ["weave", "calico", "custom"] {
            let path = format!("network.{other}");
            if other != chosen && self.document.exact(&path).is_some() {
                self.warning(
                    "network/other-provider",
                    &path,
                    format!("`{path}` has no effect: the provider is `{chosen}`"),
                    format!("remove it, or set `provider: {other}`"),
                );
            }
        }
    }

    fn weave(&mut self) {
        let network = &self.config.network;
        let settings = pod_networks(self.document);
        for (at, net) in settings.weave.trusted_subnets.iter().enumerate() {
            if let IpNet::V6(_) = net {
                self.error(
                    "network/weave-ipv4-only",
                    &format!("network.weave.trusted_subnets[{at}]"),
                    format!("Weave Net has no IPv6: `{net}` is no network of its peers"),
                    "name IPv4 networks of hosts",
                );
            }
        }
        for (at, peer) in settings.weave.known_peers.iter().enumerate() {
            if peer.is_ipv6() {
                self.error(
                    "network/weave-ipv4-only",
                    &format!("network.weave.known_peers[{at}]"),
                    format!("Weave Net has no IPv6: `{peer}` cannot be a peer"),
                    "name IPv4 addresses",
                );
            }
        }
        if let Some(subnet) = &settings.weave.ipalloc_default_subnet
            && !network.pod_cidrs.is_empty()
            && !network.pod_cidrs.iter().any(|pods| pods.contains(subnet))
        {
            let pods = network.pod_cidrs[0];
            self.error(
                "network/subnet-outside",
                "network.weave.ipalloc_default_subnet",
                format!("`{subnet}` is not in the pod network `{pods}`"),
                "give a part of `network.pod_network_cidr`",
            );
        }
        if let Some(pods) = network
            .pod_cidrs
            .iter()
            .find(|net| net.addr().is_ipv4() && net.prefix_len() > SMALLEST)
        {
            self.error(
                "network/pod-cidr-too-small",
                "network.pod_network_cidr",
                format!("the pod network `{pods}` is smaller than /{SMALLEST}"),
                "Weave Net gives addresses from nothing smaller",
            );
        }
    }

    fn custom(&mut self) {
        if self.document.exact("network.custom.options").is_some() {
            self.error(
                "network/custom-options",
                "network.custom.options",
                "`options` are values for templates, and manifests are applied as they are"
                    .to_owned(),
                "write the values into the manifests, and remove `options`",
            );
        }
        if pod_networks(self.document).custom.manifest_path.is_none() {
            self.error(
                "network/custom-without-manifests",
                "network.provider",
                "the provider `custom` needs `network.custom.manifest_path`".to_owned(),
                "give the file or folder of its manifests: `custom: { manifest_path: ./network }`",
            );
        }
    }
}

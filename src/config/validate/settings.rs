//! Checks of what components and containerd are told.

use std::collections::BTreeSet;

use super::super::managed::Program;
use super::super::model::{Argument, TokenWebhook};
use super::Check;

/// Without them nodes and service accounts could do what is not theirs.
const NEEDED: [&str; 3] = ["NodeRestriction", "NamespaceLifecycle", "ServiceAccount"];
/// They do nothing without a configuration of their own, or do not start.
const CONFIGURED: [&str; 2] = ["EventRateLimit", "ImagePolicyWebhook"];

impl Check<'_> {
    pub(super) fn components(&mut self) {
        let plane = &self.config.control_plane;
        let kubelet = &self.config.kubelet;
        self.arguments(
            "control_plane.apiserver",
            Program::Apiserver,
            &plane.apiserver,
        );
        let path = "control_plane.controller_manager";
        self.arguments(path, Program::ControllerManager, &plane.controller_manager);
        self.arguments(
            "control_plane.scheduler",
            Program::Scheduler,
            &plane.scheduler,
        );
        self.arguments("kubelet", Program::Kubelet, &kubelet.extra_args);
        self.admission_plugins();
        self.services();
        self.registries();
        self.proxies();
        self.kubelet();
    }

    fn arguments(&mut self, section: &str, program: Program, arguments: &[Argument]) {
        let mut seen = BTreeSet::new();
        for (index, argument) in arguments.iter().enumerate() {
            let path = format!("{section}.extra_args[{index}]");
            if let Some(why) = program.managed(&argument.name) {
                let message = format!(
                    "`--{}` of the {} is set by firstlight",
                    argument.name,
                    program.name()
                );
                self.error("config/managed-argument", &path, message, why);
            } else if !seen.insert(&argument.name) {
                let message = format!("`--{}` is given twice", argument.name);
                self.error("config/argument-twice", &path, message, "keep one of them");
            }
        }
    }

    fn admission_plugins(&mut self) {
        let config = self.config;
        let mut seen = BTreeSet::new();
        for (index, plugin) in config.control_plane.admission_plugins.iter().enumerate() {
            let path = format!("admission_plugins[{index}].name");
            let name = plugin.name.as_str();
            if !seen.insert(name) {
                let message = format!("the admission plugin `{name}` is listed twice");
                self.error("admission/twice", &path, message, "keep one of them");
            }
            if !plugin.enabled && NEEDED.contains(&name) {
                let message = format!("the admission plugin `{name}` cannot be turned off");
                let help = "without it nodes, or pods, could take what is not theirs";
                self.error("admission/needed", &path, message, help);
            }
            if plugin.enabled && CONFIGURED.contains(&name) {
                let message = format!(
                    "the admission plugin `{name}` needs a configuration file of its own, which this version does not give it"
                );
                self.error("admission/needs-configuration", &path, message, "remove it");
            }
            if plugin.enabled && name == "AlwaysPullImages" && !config.artefacts.upstream {
                self.error(
                    "admission/always-pulls",
                    &path,
                    "`AlwaysPullImages` asks a registry for every pod, and `artefacts.upstream: false` says that machines reach none".into(),
                    "remove it: images here are pinned by digest",
                );
            }
        }
    }

    /// Services that the API server asks or tells.
    fn services(&mut self) {
        let plane = &self.config.control_plane;
        if let Some(TokenWebhook {
            client_certificate,
            client_key,
            ..
        }) = &plane.authentication.token_webhook
            && client_certificate.is_some() != client_key.is_some()
        {
            self.error(
                "authentication/half-a-client",
                "authentication.token_webhook.config.user",
                "a client needs both `client_certificate` and `client_key`".into(),
                "give both, or neither",
            );
        }
        if let Some(webhook) = &plane.audit.webhook
            && webhook.server.starts_with("http://")
        {
            self.warning(
                "audit/without-tls",
                "audit.webhook.server",
                "the record goes to this service in the clear".into(),
                "give an https URL, with `certificate_authority` where its own is not among the system's",
            );
        }
        if plane.audit.policy.is_some() && !plane.audit.wanted() {
            self.warning(
                "audit/nowhere",
                "audit.policy",
                "nothing is recorded: there is neither a file nor a service".into(),
                "remove `audit.file.enabled: false`, or add `audit.webhook`",
            );
        }
        if let Some(cloud) = &plane.cloud
            && cloud.is_external()
            && cloud.config.is_some()
        {
            self.error(
                "cloud/external-config",
                "cloud.config",
                "an external cloud provider takes no file: its controller is a program of its own"
                    .into(),
                "put the controller and its Secret among `manifests`",
            );
        }
    }

    fn registries(&mut self) {
        let runtime = &self.config.container_runtime;
        let mut seen = BTreeSet::new();
        for (index, name) in runtime.insecure_registries.iter().enumerate() {
            if !seen.insert(name) {
                let path = format!("container_runtime.insecure_registries[{index}]");
                let message = format!("the registry `{name}` is listed twice");
                self.error("images/registry-twice", &path, message, "keep one of them");
            }
        }
        for (index, registry) in runtime.registries.iter().enumerate() {
            let path = format!("container_runtime.registries[{index}]");
            let name = &registry.name;
            if !seen.insert(name) {
                let message = format!("the registry `{name}` is listed twice");
                let help = "keep one of them: an insecure registry has neither authority, mirrors nor login";
                self.error(
                    "images/registry-twice",
                    &format!("{path}.name"),
                    message,
                    help,
                );
            }
            let clear = registry
                .mirrors
                .iter()
                .position(|url| url.starts_with("http://"));
            if let (Some(at), true) = (clear, registry.username.is_some()) {
                self.error(
                    "images/login-in-the-clear",
                    &format!("{path}.mirrors[{at}]"),
                    "a login must not travel without TLS".into(),
                    "give an https URL, or remove the login",
                );
            }
        }
    }

    /// Static pods are readable in the cluster: what their environment holds is no secret.
    fn proxies(&mut self) {
        if !self.config.control_plane.use_proxy {
            return;
        }
        for (index, host) in self.config.hosts.iter().enumerate() {
            for (name, value) in &host.environment {
                if !name.to_lowercase().ends_with("_proxy") || !value.contains('@') {
                    continue;
                }
                let message = format!(
                    "`{name}` holds a login, and the control plane's pods, which show their environment, would use it"
                );
                self.error(
                    "control-plane/proxy-with-password",
                    &format!("hosts[{index}].environment.{name}"),
                    message,
                    "remove `control_plane.use_proxy`, or give a proxy without login",
                );
            }
        }
    }

    fn kubelet(&mut self) {
        if self.config.kubelet.read_only_port {
            self.warning(
                "kubelet/read-only-port",
                "kubelet.read_only_port",
                "port 10255 shows every pod of a node to whoever reaches it".into(),
                "remove it: port 10250 answers the same, to whom it knows",
            );
        }
        let period = self.config.kubelet.cpu_cfs_quota_period.as_deref();
        if period.is_some_and(|period| !(1_000_000..=1_000_000_000).contains(&nanoseconds(period)))
        {
            self.error(
                "kubelet/bad-quota-period",
                "kubelet.cpu_cfs_quota_period",
                "the period of CPU limits must be from 1ms to 1s: the kernel takes no other".into(),
                "leave it out for 100ms",
            );
        }
    }
}

/// A duration that was read before.
fn nanoseconds(duration: &str) -> u64 {
    let units = [
        ("ms", 1_000_000),
        ("us", 1_000),
        ("ns", 1),
        ("h", 3_600_000_000_000),
        ("m", 60_000_000_000),
        ("s", 1_000_000_000),
    ];
    let (mut total, mut rest) = (0_u64, duration);
    while let Some(end) = rest.find(|c: char| !c.is_ascii_digit()) {
        let (number, unit) = rest.split_at(end);
        let (name, worth) = units
            .into_iter()
            .find(|(name, _)| unit.starts_with(name))
            .unwrap_or(("", 0));
        total = total.saturating_add(number.parse::<u64>().unwrap_or(0).saturating_mul(worth));
        rest = if name.is_empty() {
            ""
        } else {
            &unit[name.len()..]
        };
    }
    total
}

#[cfg(test)]
mod tests {
    use super::nanoseconds;

    #[test]
    fn durations_add_up() {
        assert_eq!(nanoseconds("1ms"), 1_000_000);
        assert_eq!(nanoseconds("1m30s"), 90_000_000_000);
        assert_eq!(nanoseconds("500us"), 500_000);
    }
}

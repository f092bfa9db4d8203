//! What a running node does about a part of its seed that changed: `overlays/firstlight/effects`, which
//! the node reads as well (`firstlight-effects`).

use std::collections::BTreeMap;
use std::fmt;

use super::overlay;

/// What becomes of one changed part. In the order of `Ord` nodes do it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// It is read when it is next needed.
    Nothing,
    /// A step that runs again, a unit or a container that starts again.
    Step(Step),
    /// Only a boot takes it over.
    Reboot,
    /// The machine must be installed anew; why.
    Never(&'static str),
}

/// A step of `firstlight-converge`, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is described by what is printed for it")]
pub enum Step {
    Host,
    Artefacts,
    Firewall,
    Containerd,
    Images,
    Time,
    Timers,
    Etcd,
    Kubelet,
    Manifests,
    Apiserver,
    ControllerManager,
    Scheduler,
    Haproxy,
    Apply,
}

impl Step {
    /// All of them, by their names in the table and what they do.
    pub const ALL: [(Self, &str, &str); 15] = [
        (
            Self::Host,
            "host",
            "kernel modules and settings are applied",
        ),
        (
            Self::Artefacts,
            "artefacts",
            "programs are fetched and replaced",
        ),
        (
            Self::Firewall,
            "firewall",
            "the firewall is loaded anew, connections go on",
        ),
        (
            Self::Containerd,
            "containerd",
            "containerd and the kubelet restart, pods go on",
        ),
        (Self::Images, "images", "container images are imported"),
        (Self::Time, "time", "the time service restarts"),
        (Self::Timers, "timers", "timers restart"),
        (Self::Etcd, "etcd", "etcd restarts, one master at a time"),
        (Self::Kubelet, "kubelet", "the kubelet restarts, pods go on"),
        (
            Self::Manifests,
            "manifests",
            "static pods that changed are replaced, one master at a time",
        ),
        (
            Self::Apiserver,
            "kube-apiserver",
            "the API server restarts, one master at a time",
        ),
        (
            Self::ControllerManager,
            "kube-controller-manager",
            "the controller manager restarts",
        ),
        (Self::Scheduler, "kube-scheduler", "the scheduler restarts"),
        (Self::Haproxy, "haproxy", "the balancer restarts"),
        (Self::Apply, "apply", "the cluster's objects are applied"),
    ];

    /// Its name in the table.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    fn row(self) -> (Self, &'static str, &'static str) {
        *Self::ALL
            .iter()
            .find(|row| row.0 == self)
            .expect("each has a row")
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("the file alone"),
            Self::Step(step) => f.write_str(step.row().2),
            Self::Reboot => f.write_str("takes a reboot"),
            Self::Never(why) => write!(f, "takes a re-image: {why}"),
        }
    }
}

/// The effect of a changed path, of a variable of `node.env`, or of a member of the seed by its name;
/// `None` where only the last row matches, which is for what the operator put there.
pub fn of(path: &str) -> Option<Effect> {
    rows()
        .find(|(pattern, _)| matches(pattern, path))
        .filter(|(pattern, _)| *pattern != "*")
        .map(|(_, what)| effect(what))
}

/// The effects of a file of which both versions are known: of its parts, where it goes by parts.
pub fn of_change(path: &str, old: &str, new: &str) -> Vec<Effect> {
    let parts: Vec<String> = match path {
        "/etc/firstlight/node.env" => variables(old, new),
        "/etc/firstlight/artefacts" => programs(old, new),
        _ => Vec::new(),
    };
    let parts = parts.iter().map(String::as_str);
    let mut effects: Vec<_> = parts
        .chain([path])
        .map(|part| of(part).unwrap_or(Effect::Nothing))
        .collect();
    effects.sort_unstable();
    effects.dedup();
    if effects.len() > 1 {
        effects.retain(|e| *e != Effect::Nothing);
    }
    effects
}

fn rows() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = overlay::file("firstlight/effects").lines();
    let rows = lines.filter(|line| !line.starts_with('#'));
    rows.map(|line| line.split_once(' ').expect("a row has two parts"))
}

fn effect(what: &'static str) -> Effect {
    match what {
        "nothing" => Effect::Nothing,
        "reboot" => Effect::Reboot,
        _ => what.strip_prefix("never ").map_or_else(
            || {
                let row = Step::ALL.iter().find(|row| row.1 == what);
                Effect::Step(row.expect("a test reads every row").0)
            },
            Effect::Never,
        ),
    }
}

/// As `case` does it: `*` is any text, with slashes.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(rest) = text.strip_prefix(before) else {
        return false;
    };
    let mut starts = (0..=rest.len()).filter(|at| rest.is_char_boundary(*at));
    starts.any(|at| matches(after, &rest[at..]))
}

/// Names of variables whose lines differ.
fn variables(old: &str, new: &str) -> Vec<String> {
    fn lines(text: &str) -> BTreeMap<&str, &str> {
        text.lines().filter_map(|l| l.split_once('=')).collect()
    }
    let (old, new) = (lines(old), lines(new));
    let names: std::collections::BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let differs = |name: &&&&str| old.get(***name) != new.get(***name);
    names
        .iter()
        .filter(differs)
        .map(|n| (**n).to_owned())
        .collect()
}

/// Paths of the programs whose lines are new.
fn programs(old: &str, new: &str) -> Vec<String> {
    let fresh = new.lines().filter(|line| !old.lines().any(|o| o == *line));
    let pairs = fresh.flat_map(|line| line.split(' ').skip(3));
    pairs
        .filter_map(|pair| pair.split_once('='))
        .map(|(_, path)| path.to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_says_what_is_known_and_the_last_one_takes_the_rest() {
        let rows: Vec<_> = rows().collect();
        assert_eq!(rows.last(), Some(&("*", "nothing")));
        for (pattern, what) in &rows {
            effect(what);
            assert!(*pattern == "*" || of(pattern).is_some(), "{pattern}");
        }
        for (_, name, _) in Step::ALL {
            assert!(rows.iter().any(|row| row.1 == name), "{name} has no row");
        }
    }

    #[test]
    fn patterns_are_those_of_case() {
        for (pattern, text, is) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("/etc/*", "/etc/x/y", true),
            ("/etc/*.d/*", "/etc/x/y.d/z", true),
            ("/etc/*.d/*", "/etc/x/y", false),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, text), is, "{pattern} {text}");
        }
    }

    #[test]
    fn values_and_lists_go_by_their_parts() {
        let effects = |path, old, new| of_change(path, old, new);
        let env = "/etc/firstlight/node.env";
        assert_eq!(
            effects(
                env,
                "FL_KUBELET_FLAGS='a'\nFL_STAMP='1'\n",
                "FL_KUBELET_FLAGS='b'\nFL_STAMP='2'\n"
            ),
            [Effect::Step(Step::Kubelet)]
        );
        assert_eq!(
            effects(env, "FL_STAMP='1'\n", "FL_STAMP='2'\n"),
            [Effect::Nothing]
        );
        assert!(matches!(
            effects(env, "FL_IP='10.0.0.1'\n", "FL_IP='10.0.0.2'\n")[..],
            [Effect::Never(_)]
        ));
        let line = |digest: &str| {
            format!("file {digest} https://x/kubelet -=/opt/firstlight/bin/kubelet\n")
        };
        assert_eq!(
            effects(
                "/etc/firstlight/artefacts",
                &line("sha256:1"),
                &line("sha256:2")
            ),
            [Effect::Step(Step::Artefacts), Effect::Step(Step::Kubelet)]
        );
    }
}

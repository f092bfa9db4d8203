//! Kubeconfig files: client-go's `api/v1/types.go`, everything embedded.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use zeroize::Zeroizing;

use super::{Leaf, Secret};

#[derive(Serialize)]
struct Kubeconfig<'a> {
    #[serde(rename = "apiVersion")]
    api_version: &'static str,
    clusters: [ClusterEntry<'a>; 1],
    contexts: [ContextEntry<'a>; 1],
    #[serde(rename = "current-context")]
    current_context: &'a str,
    kind: &'static str,
    users: [UserEntry<'a>; 1],
}

#[derive(Serialize)]
struct ClusterEntry<'a> {
    cluster: Cluster<'a>,
    name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Cluster<'a> {
    certificate_authority_data: &'a str,
    server: &'a str,
}

#[derive(Serialize)]
struct ContextEntry<'a> {
    context: Context<'a>,
    name: &'a str,
}

#[derive(Serialize)]
struct Context<'a> {
    cluster: &'a str,
    user: &'a str,
}

#[derive(Serialize)]
struct UserEntry<'a> {
    name: &'a str,
    user: User<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct User<'a> {
    client_certificate_data: &'a str,
    client_key_data: &'a str,
}

/// A kubeconfig with which `user` reaches the API of `cluster` at `server` (a URL), its context named
/// `user@cluster` as kubeadm does.
pub fn kubeconfig(cluster: &str, server: &str, ca: &str, user: &str, leaf: &Leaf) -> Secret {
    let ca = STANDARD.encode(ca);
    let cert = STANDARD.encode(&leaf.cert);
    let key = Zeroizing::new(STANDARD.encode(leaf.key.expose()));
    let context = format!("{user}@{cluster}");
    let file = Kubeconfig {
        api_version: "v1",
        clusters: [ClusterEntry {
            cluster: Cluster {
                certificate_authority_data: &ca,
                server,
            },
            name: cluster,
        }],
        contexts: [ContextEntry {
            context: Context { cluster, user },
            name: &context,
        }],
        current_context: &context,
        kind: "Config",
        users: [UserEntry {
            name: user,
            user: User {
                client_certificate_data: &cert,
                client_key_data: &key,
            },
        }],
    };
    // A value per line: tools that cut keys out of kubeconfigs by line exist.
    let options = serde_yaml::ser_options! { prefer_block_scalars: false };
    Secret::new(serde_yaml::to_string_with_options(&file, options).expect("strings serialize"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{Facts, private_keys};

    #[test]
    fn is_one_plain_line_per_value() {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::default();
        let cert = params.self_signed(&key).unwrap().pem();
        let leaf = Leaf {
            facts: Facts::parse(&cert).unwrap(),
            cert,
            key: Secret::new(key.serialize_pem()),
        };
        let file = kubeconfig(
            "demo",
            "https://[fd00::1]:6443",
            "CA",
            "kubernetes-admin",
            &leaf,
        );
        let cert = STANDARD.encode(&leaf.cert);
        let key = STANDARD.encode(leaf.key.expose());
        let expected = format!(
            "\
apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: Q0E=
    server: https://[fd00::1]:6443
  name: demo
contexts:
- context:
    cluster: demo
    user: kubernetes-admin
  name: kubernetes-admin@demo
current-context: kubernetes-admin@demo
kind: Config
users:
- name: kubernetes-admin
  user:
    client-certificate-data: {cert}
    client-key-data: {key}
"
        );
        assert_eq!(file.expose(), expected);
        assert_eq!(
            private_keys(file.expose().as_bytes()),
            [leaf.facts.fingerprint]
        );
    }
}

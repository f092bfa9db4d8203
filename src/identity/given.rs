//! The user's own files that `cluster.yml` names: certificates, keys, passwords, policies.

use std::collections::BTreeMap;

use x509_parser::certificate::X509Certificate;
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer as _;

use super::{Fingerprint, Secret, private_keys};
use crate::config::{Form, NamedFile};

/// Their content, by the key of `cluster.yml` that names them.
#[derive(Debug, Clone, Default)]
pub struct Given {
    files: BTreeMap<String, Secret>,
    /// Private keys among them, and what each allows.
    pub(super) keys: Vec<(Fingerprint, &'static str)>,
}

impl Given {
    /// Takes the content of a file, or says why it is not what the key asks for.
    pub fn take(&mut self, file: &NamedFile, content: Secret) -> Result<(), String> {
        let text = content.expose();
        match &file.form {
            Form::Certificates => {
                public_keys(text).ok_or("it holds no certificate in PEM form")?;
                if !private_keys(text.as_bytes()).is_empty() {
                    return Err(
                        "it holds a private key, which belongs into a file of its own".to_owned(),
                    );
                }
            }
            Form::KeyOf(certificate, allows) => {
                let certificate = self.files.get(certificate);
                let of = certificate.and_then(|text| public_keys(text.expose()));
                match (private_keys(text.as_bytes()).as_slice(), of) {
                    ([key], Some(public)) if public.first() == Some(key) => {
                        self.keys.push((*key, allows));
                    }
                    ([_], Some(_)) => {
                        return Err("it is not the key of the certificate beside it".to_owned());
                    }
                    ([_], None) => {}
                    _ => return Err("it holds no private key in PEM form, or several".to_owned()),
                }
            }
            Form::AuditPolicy => policy(text)?,
            Form::Password => {
                let one_line = text.trim_end_matches(['\n', '\r']);
                if one_line.is_empty() || one_line.chars().any(char::is_control) {
                    return Err("it must hold one line: the password".to_owned());
                }
            }
            Form::Any => {}
        }
        self.files.insert(file.key.clone(), content);
        Ok(())
    }

    /// The content of the file that a key names.
    ///
    /// # Panics
    /// When it was not taken: the program reads every named file before it composes anything.
    pub fn file(&self, key: &str) -> &Secret {
        self.files
            .get(key)
            .unwrap_or_else(|| panic!("{key} was read before"))
    }

    /// The password that a key names.
    pub fn password(&self, key: &str) -> Secret {
        let text = self.file(key).expose().trim_end_matches(['\n', '\r']);
        Secret::new(text.to_owned())
    }
}

/// The public keys of all certificates of a text that holds nothing but such, and at least one.
fn public_keys(text: &str) -> Option<Vec<Fingerprint>> {
    let mut keys = Vec::new();
    for block in Pem::iter_from_buffer(text.as_bytes()) {
        let block = block.ok()?;
        let (_, certificate) = X509Certificate::from_der(&block.contents).ok()?;
        keys.push(Fingerprint::of_public_key(certificate.public_key().raw));
    }
    (!keys.is_empty()).then_some(keys)
}

/// How much of a request is recorded.
const LEVELS: [&str; 4] = ["None", "Metadata", "Request", "RequestResponse"];

/// `audit.k8s.io/v1`; other versions are gone since 1.24.
fn policy(text: &str) -> Result<(), String> {
    let value: serde_json::Value =
        serde_yaml::from_str(text).map_err(|error| format!("it is no YAML: {error}"))?;
    if value["kind"] != "Policy" || value["apiVersion"] != "audit.k8s.io/v1" {
        return Err("it is no `Policy` of `audit.k8s.io/v1`".to_owned());
    }
    let rules = value["rules"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    if rules.is_empty() {
        return Err("it has no `rules`".to_owned());
    }
    for (index, rule) in rules.iter().enumerate() {
        if !LEVELS.iter().any(|level| rule["level"] == *level) {
            return Err(format!(
                "`rules[{index}].level` must be one of: `None`, `Metadata`, `Request`, `RequestResponse`"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(form: Form, text: &str) -> Result<(), String> {
        let file = NamedFile {
            key: "key".to_owned(),
            path: "path".to_owned(),
            form,
        };
        Given::default().take(&file, Secret::new(text.to_owned()))
    }

    #[test]
    fn a_policy_has_rules_with_levels() {
        let head = "apiVersion: audit.k8s.io/v1\nkind: Policy\n";
        let good = format!("{head}rules: [{{ level: Metadata }}]\n");
        assert_eq!(take(Form::AuditPolicy, &good), Ok(()));
        for bad in [
            head.to_owned(),
            good.replace("Metadata", "metadata"),
            good.replace("v1", "v1beta1"),
            "[".to_owned(),
        ] {
            assert!(take(Form::AuditPolicy, &bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_password_is_one_line() {
        assert_eq!(take(Form::Password, "hunter2\n"), Ok(()));
        assert!(take(Form::Password, "\n").is_err());
        assert!(take(Form::Password, "a\nb\n").is_err());
    }

    #[test]
    fn a_certificate_file_holds_certificates_only() {
        let pair = rcgen::generate_simple_self_signed(["a".to_owned()]).unwrap();
        let certificate = pair.cert.pem();
        assert_eq!(take(Form::Certificates, &certificate), Ok(()));
        let both = format!("{certificate}{}", pair.signing_key.serialize_pem());
        assert!(take(Form::Certificates, &both).is_err());
        assert!(take(Form::Certificates, "no").is_err());
    }

    #[test]
    fn a_key_is_the_certificates() {
        let [pair, other] =
            [0; 2].map(|_| rcgen::generate_simple_self_signed(["a".to_owned()]).unwrap());
        let file = |key: &str, form| NamedFile {
            key: key.to_owned(),
            path: String::new(),
            form,
        };
        let mut given = Given::default();
        let certificate = Secret::new(pair.cert.pem());
        given
            .take(&file("cert", Form::Certificates), certificate)
            .unwrap();
        let key = file("key", Form::KeyOf("cert".to_owned(), "do something"));
        assert!(
            given
                .take(&key, Secret::new(other.signing_key.serialize_pem()))
                .is_err()
        );
        assert!(given.take(&key, Secret::new("no".to_owned())).is_err());
        assert_eq!(
            given.take(&key, Secret::new(pair.signing_key.serialize_pem())),
            Ok(())
        );
        assert_eq!(given.keys.len(), 1);
    }
}

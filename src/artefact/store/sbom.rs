//! What an overlay holds, for auditors: CycloneDX 1.5 (ECMA-424), as JSON.
//!
//! Without serial number and time, which the format leaves optional: the same overlay gives the same
//! bytes.

use serde_json::{Value, json};

use super::index::{Listed, Listing};
use crate::artefact::digest::Digest;

/// The bill of materials of the set `name`.
pub fn sbom(name: &str, listing: &Listing) -> String {
    let components: Vec<Value> = listing.artefacts.iter().map(component).collect();
    let document = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": { "type": "file", "bom-ref": name, "name": name },
            "tools": { "components": [{
                "type": "application", "name": "firstlight", "version": env!("CARGO_PKG_VERSION"),
            }] },
        },
        "components": components,
    });
    serde_json::to_string_pretty(&document).expect("strings and numbers are JSON") + "\n"
}

fn component(listed: &Listed) -> Value {
    let kind = match listed.kind.as_str() {
        "image" => "container",
        "deb" => "library",
        _ => "application",
    };
    let hash = json!({ "alg": algorithm(&listed.digest), "content": listed.digest.hex() });
    let mut value = json!({
        "type": kind,
        "bom-ref": format!("{}@{}:{}", listed.name, listed.arch, listed.digest),
        "name": listed.component,
        "version": listed.version,
        "hashes": [hash],
        "licenses": [{ "expression": listed.licence }],
        "purl": purl(listed),
        "properties": [
            { "name": "firstlight:file", "value": listed.name },
            { "name": "firstlight:architecture", "value": listed.arch },
        ],
    });
    if listed.origin.contains("://") {
        value["externalReferences"] = json!([{ "type": "distribution", "url": listed.origin }]);
    }
    value
}

const fn algorithm(digest: &Digest) -> &'static str {
    match digest {
        Digest::Sha256(_) => "SHA-256",
        Digest::Sha512(_) => "SHA-512",
    }
}

/// The package URL (<https://github.com/package-url/purl-spec>), whose qualifiers are sorted.
fn purl(listed: &Listed) -> String {
    let (name, version) = (&listed.component, encode(&listed.version));
    let arch = &listed.arch;
    match listed.kind.as_str() {
        "deb" => {
            let distribution = match listed.origin.contains("ubuntu") {
                true => "ubuntu",
                false => "debian",
            };
            format!("pkg:deb/{distribution}/{name}@{version}?arch={arch}")
        }
        "image" => {
            let (repository, tag) = listed.name.rsplit_once(':').unwrap_or((&listed.name, ""));
            let last = repository.rsplit('/').next().unwrap_or(repository);
            format!(
                "pkg:oci/{last}@{}?arch={arch}&repository_url={}&tag={}",
                encode(&listed.digest.to_string()),
                encode(repository),
                encode(tag)
            )
        }
        _ => format!(
            "pkg:generic/{name}@{version}?checksum={}&download_url={}",
            encode(&listed.digest.to_string()),
            encode(&listed.origin)
        ),
    }
}

/// Percent-encoding of all but the unreserved characters (RFC 3986 §2.3).
fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artefact::list::Where;

    fn listed(kind: &str, name: &str, version: &str, origin: &str) -> Listed {
        Listed {
            component: "demo".to_owned(),
            name: name.to_owned(),
            arch: "arm64".to_owned(),
            version: version.to_owned(),
            licence: "MIT".to_owned(),
            on: Where::Everywhere,
            kind: kind.to_owned(),
            digest: Digest::sha256(b""),
            size: 1,
            origin: origin.to_owned(),
            blobs: vec![],
        }
    }

    #[test]
    fn package_urls() {
        let deb = listed(
            "deb",
            "demo_1_arm64.deb",
            "1:2.0+b1",
            "https://deb.debian.org/debian/x",
        );
        assert_eq!(purl(&deb), "pkg:deb/debian/demo@1%3A2.0%2Bb1?arch=arm64");
        let image = listed("image", "registry.k8s.io/a/pause:3.9", "3.9", "");
        assert_eq!(
            purl(&image),
            format!(
                "pkg:oci/pause@sha256%3A{}?arch=arm64&repository_url=registry.k8s.io%2Fa%2Fpause&tag=3.9",
                Digest::sha256(b"").hex()
            )
        );
    }
}

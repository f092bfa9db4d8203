//! What an overlay holds, for auditors: CycloneDX 1.5 (ECMA-424), as JSON.
//!
//! Without serial number and time, which the format leaves optional: the same overlay gives the same
//! bytes.

use serde_json::{Value, json};

use super::index::{Listed, Listing};
use crate::artefact::digest::Digest;

/// The bill of materials of the set `name`, which begins with the name of its distribution, as
/// `debian-12-amd64-1.34` does.
pub fn sbom(name: &str, listing: &Listing) -> String {
    let distribution = name.split('-').next().unwrap_or(name);
    let component = |listed| component(listed, distribution);
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

fn component(listed: &Listed, distribution: &str) -> Value {
    let kind = match listed.kind.as_str() {
        "image" => "container",
        "deb" => "library",
        _ => "application",
    };
    let hash = json!({ "alg": algorithm(&listed.digest), "content": listed.digest.hex() });
    let mut value = json!({
        "type": kind,
        "bom-ref": format!("{}@{}:{}", listed.name, listed.arch, listed.digest),
        "name": name(listed),
        "version": listed.version,
        "hashes": [hash],
        "licenses": [{ "expression": listed.licence }],
        "purl": purl(listed, distribution),
        "properties": [
            { "name": "firstlight:file", "value": listed.name },
            { "name": "firstlight:architecture", "value": arch(listed) },
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

/// What it is called: a component may have several images.
fn name(listed: &Listed) -> &str {
    let (repository, _) = listed.name.rsplit_once(':').unwrap_or((&listed.name, ""));
    match listed.kind.as_str() {
        "image" => repository.rsplit('/').next().unwrap_or(repository),
        _ => &listed.component,
    }
}

/// Which machines run it; a distribution's package may be for all.
fn arch(listed: &Listed) -> &str {
    match listed.name.ends_with("_all.deb") {
        true => "all",
        false => &listed.arch,
    }
}

/// The package URL (<https://github.com/package-url/purl-spec>), whose qualifiers are sorted.
fn purl(listed: &Listed, distribution: &str) -> String {
    let (name, version, arch) = (name(listed), encode(&listed.version), arch(listed));
    let digest = encode(&listed.digest.to_string());
    match listed.kind.as_str() {
        "deb" => format!("pkg:deb/{distribution}/{name}@{version}?arch={arch}"),
        "image" => {
            let (repository, tag) = listed.name.rsplit_once(':').unwrap_or((&listed.name, ""));
            let (repository, tag) = (encode(repository), encode(tag));
            format!("pkg:oci/{name}@{digest}?arch={arch}&repository_url={repository}&tag={tag}")
        }
        _ => {
            let origin = encode(&listed.origin);
            format!("pkg:generic/{name}@{version}?checksum={digest}&download_url={origin}")
        }
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
            media_type: None,
            blobs: vec![],
        }
    }

    #[test]
    fn package_urls() {
        let deb = listed("deb", "demo_2_arm64.deb", "1:2.0+b1", "http://mirror/x");
        assert_eq!(
            purl(&deb, "ubuntu"),
            "pkg:deb/ubuntu/demo@1%3A2.0%2Bb1?arch=arm64"
        );
        let all = listed("deb", "demo_2_all.deb", "2", "http://mirror/x");
        assert_eq!(purl(&all, "debian"), "pkg:deb/debian/demo@2?arch=all");
        let image = listed("image", "registry.k8s.io/a/pause:3.9", "3.9", "");
        assert_eq!(
            purl(&image, "debian"),
            format!(
                "pkg:oci/pause@sha256%3A{}?arch=arm64&repository_url=registry.k8s.io%2Fa%2Fpause&tag=3.9",
                Digest::sha256(b"").hex()
            )
        );
    }
}

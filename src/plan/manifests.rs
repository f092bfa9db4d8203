//! What `manifests:` and the pod network `custom` name: files of Kubernetes objects, judged one by one,
//! their images pinned.

mod fields;
mod judge;

pub use fields::Release;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Node, Plan};
use crate::artefact::{Artefact, Catalogue, Digest, Item, Where};
use crate::config::model::Taint;
use crate::diagnostic::{Diagnostic, Source, Span};

/// One file, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// Its path, as it was given or found.
    pub name: String,
    /// What it holds, in its order.
    pub objects: Vec<Value>,
}

/// A container's image in an object, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// As it was written.
    pub image: String,
    /// Where.
    pub span: Option<Span>,
}

/// Images that files name by tag alone, as `repository:tag`: what a lock can pin.
pub fn by_tag<'s>(sources: impl Iterator<Item = &'s Source>) -> BTreeSet<String> {
    let judged = sources.map(|source| judge::judge(&source.text, None));
    let images = judged.flat_map(|judged| judged.images);
    images
        .map(|named| named.image)
        .filter(|image| !image.contains('@') && crate::config::setting::is_image(image))
        .collect()
}

/// What is wrong with the objects of a file, for a release.
pub fn findings(text: &str, release: &Release<'_>) -> Vec<Diagnostic> {
    judge::judge(text, Some(release)).findings
}

/// Reads every file, those of the pod network and the user's own, and adds it to the plan with the images
/// that it needs. What is wrong is given with the file that it is in.
///
/// # Errors
/// Findings by file, in order.
pub fn add(
    plan: &mut Plan,
    network: Vec<Source>,
    own: Vec<Source>,
    catalogue: &Catalogue,
) -> Result<(), Vec<(Source, Vec<Diagnostic>)>> {
    let mut wrong = Vec::new();
    let mut seen: BTreeMap<String, String> = of_addons(plan);
    let train = plan.release.train.clone();
    let release = Release::of(&train, catalogue);
    let first_own = network.len();
    for (at, source) in network.into_iter().chain(own).enumerate() {
        let mut judged = judge::judge(&source.text, release.as_ref());
        let mut images = BTreeMap::new();
        for named in &judged.images {
            match pinned(&named.image, catalogue) {
                Ok(item) => {
                    images.insert(named.image.clone(), item);
                }
                Err((message, help)) => judged.findings.push(
                    Diagnostic::error("manifests/not-pinned", "manifests", named.span, message)
                        .with_help(help),
                ),
            }
        }
        for (object, span) in &judged.objects {
            let reference = reference(object);
            if let Some(first) = seen.get(&reference) {
                let message = format!("`{reference}` is in {first} already");
                judged.findings.push(
                    Diagnostic::error("manifests/duplicate", "manifests", *span, message)
                        .with_help("each object may be described once"),
                );
            }
            seen.entry(reference)
                .or_insert_with(|| format!("`{}`", source.name));
        }
        if judged.findings.is_empty() {
            let objects = judged.objects.into_iter().map(|(object, _)| object);
            let mut objects: Vec<Value> = objects.collect();
            for object in &mut objects {
                put_images(object, &images);
            }
            for object in &objects {
                need(plan, object, &images);
            }
            let all = match at < first_own {
                true => &mut plan.network.manifests,
                false => &mut plan.manifests,
            };
            all.push(Manifest {
                name: source.name,
                objects,
            });
        } else {
            let mut findings = judged.findings;
            findings.sort_by_key(|finding| finding.span);
            wrong.push((source, findings));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

/// Objects of the addons, which no file may describe besides.
fn of_addons(plan: &Plan) -> BTreeMap<String, String> {
    let mut own = BTreeMap::new();
    for addon in &plan.addons {
        for object in addon.manifests.values().flatten() {
            own.insert(reference(object), format!("the addon `{}`", addon.name));
        }
    }
    own
}

/// `kind.group namespace/name`, for people and for comparing.
fn reference(object: &Value) -> String {
    let text = |path: &str| {
        object
            .pointer(path)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let namespace = object
        .pointer("/metadata/namespace")
        .and_then(Value::as_str);
    let group = text("/apiVersion")
        .rsplit_once('/')
        .map_or("", |(group, _)| group);
    let dot = if group.is_empty() { "" } else { "." };
    let name = text("/metadata/name");
    match namespace {
        Some(namespace) => format!("{}{dot}{group} {namespace}/{name}", text("/kind")),
        None => format!("{}{dot}{group} {name}", text("/kind")),
    }
}

/// An image by the digest that it says, or that the lock has for its tag.
fn pinned(image: &str, catalogue: &Catalogue) -> Result<Item, (String, String)> {
    if !crate::config::setting::is_image(image) {
        return Err((
            format!("`{image}` is no image with its registry and a tag or digest"),
            "write all of it, such as `docker.io/library/nginx:1.27`".to_owned(),
        ));
    }
    if let Some((name, digest)) = image.split_once('@') {
        let digest: Digest = digest.parse().map_err(|_| {
            (
                format!("`{digest}` is no digest"),
                "write `sha256:` and 64 hexadecimal digits".to_owned(),
            )
        })?;
        let last = name.rsplit('/').next().unwrap_or(name);
        let name = if last.contains(':') {
            name.to_owned()
        } else {
            // nodes know images by a tag too
            let hex = digest.hex();
            format!("{name}:{}", hex.get(..12).unwrap_or(&hex))
        };
        return Ok(Item::Image { name, digest });
    }
    match catalogue.pins.upstream.get(image) {
        Some(digest) => Ok(Item::Image {
            name: image.to_owned(),
            digest: *digest,
        }),
        None => Err((
            format!("the image `{image}` has no pinned digest"),
            "`firstlight overlay lock` finds it out and remembers it; or write `IMAGE@sha256:…`"
                .to_owned(),
        )),
    }
}

/// Every container's image as `repository:tag@digest`.
fn put_images(value: &mut Value, images: &BTreeMap<String, Item>) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                if judge::CONTAINERS.contains(&key.as_str()) {
                    for container in field.as_array_mut().into_iter().flatten() {
                        let item = container["image"]
                            .as_str()
                            .and_then(|image| images.get(image));
                        if let Some(Item::Image { name, digest }) = item {
                            container["image"] = format!("{name}@{digest}").into();
                        }
                    }
                } else {
                    put_images(field, images);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| put_images(item, images)),
        _ => {}
    }
}

/// Every node that may run the object's pods is given their images.
fn need(plan: &mut Plan, object: &Value, images: &BTreeMap<String, Item>) {
    let mut pods = Vec::new();
    judge::pods(object, &mut pods);
    let roles: Vec<String> = plan
        .release
        .settings
        .control_plane
        .labels
        .iter()
        .map(|role| role.key().to_owned())
        .collect();
    for pod in pods {
        let mut named = BTreeSet::new();
        for key in judge::CONTAINERS {
            let containers = pod[key].as_array().into_iter().flatten();
            named.extend(containers.filter_map(|container| container["image"].as_str()));
        }
        let items = images.values().filter(|item| match item {
            Item::Image { name, digest } => named.contains(format!("{name}@{digest}").as_str()),
            _ => false,
        });
        let items: Vec<&Item> = items.collect();
        for node in plan
            .nodes
            .iter_mut()
            .filter(|node| may_run(pod, node, &roles))
        {
            for item in &items {
                if !node.needs.iter().any(|artefact| artefact.item == **item) {
                    node.needs.push(artefact((*item).clone()));
                }
            }
        }
    }
}

fn artefact(item: Item) -> Artefact {
    let version = match &item {
        Item::Image { name, .. } => name.rsplit_once(':').map_or("", |(_, tag)| tag).to_owned(),
        _ => String::new(),
    };
    Artefact {
        component: "manifests".to_owned(),
        version,
        licence: "NOASSERTION".to_owned(),
        on: Where::Everywhere,
        item,
    }
}

/// Whether the scheduler may put a pod on a node, as far as selector and taints tell.
fn may_run(pod: &Value, node: &Node, roles: &[String]) -> bool {
    let label = |key: &str| match key {
        "kubernetes.io/hostname" => Some(node.name.as_str()),
        "kubernetes.io/os" => Some("linux"),
        "kubernetes.io/arch" => Some(node.arch.as_str()),
        key if node.is_master() && roles.iter().any(|role| role == key) => Some(""),
        key => node.labels.get(key).map(String::as_str),
    };
    let mut selector = pod["nodeSelector"].as_object().into_iter().flatten();
    let selected =
        selector.all(|(key, value)| label(key).is_some_and(|found| Some(found) == value.as_str()));
    let tolerations: Vec<&Value> = pod["tolerations"]
        .as_array()
        .into_iter()
        .flatten()
        .collect();
    let tolerated = |taint: &Taint| {
        taint.effect == "PreferNoSchedule"
            || tolerations
                .iter()
                .any(|toleration| super::addons::matches(toleration, taint))
    };
    selected && node.taints.iter().all(tolerated)
}

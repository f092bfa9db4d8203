//! Images that no registry made a manifest for, put into the store with one of ours.

use std::path::Path;

use super::blobs::{Blobs, Written};
use super::docker_archive::{DockerArchiveError, MadeImage};
use super::error::StoreError;
use super::named::{NamedImage, named};
use crate::artefact::digest::Digest;
use crate::config::model::Arch;

/// Looks for the image `name` (`registry/repository:tag`) in all files below `folder`, for every one of
/// `architectures`; what it is known by from then on. Of an OCI layout that is its own digest. Images of
/// docker archives get an index over all of them, and are in the store then.
pub(super) fn from_folder(
    blobs: &Blobs,
    folder: &Path,
    name: &str,
    architectures: &[Arch],
) -> Result<Option<Digest>, StoreError> {
    let mut made: Vec<(Arch, MadeImage)> = Vec::new();
    let (mut refused, mut lacking) = (None, None);
    for arch in architectures {
        match named(folder, name, *arch) {
            Ok(Some(NamedImage::Layout { digest, .. })) => return Ok(Some(digest)),
            Ok(Some(NamedImage::Made(image))) => made.push((*arch, image)),
            Ok(None) => lacking = Some(*arch),
            Err(error @ DockerArchiveError::Platform { .. }) => refused = Some(error),
            Err(error) => return Err(error.into()),
        }
    }
    // all or none: the manifests of a cluster name one digest
    if let Some(error) = refused {
        return Err(error.into());
    }
    if made.is_empty() {
        return Ok(None);
    }
    if let Some(arch) = lacking {
        return Err(StoreError::NotForAll {
            name: name.to_owned(),
            folder: folder.to_owned(),
            arch,
        });
    }
    let images: Vec<_> = made.iter().map(|(arch, image)| (*arch, image)).collect();
    let index = MadeImage::index(&images);
    let put = |digest: &Digest, content: &mut dyn std::io::Read| match blobs
        .copy(digest, name, content)?
    {
        Written::Stored(_) => Ok(()),
        Written::Wrong { .. } => Err(StoreError::Read(std::io::Error::other(format!(
            "an archive below `{}` changed while it was read",
            folder.display()
        )))),
    };
    for (_, image) in &made {
        for part in &image.parts {
            put(&part.digest, &mut part.open().map_err(StoreError::Read)?)?;
        }
        put(&image.digest, &mut image.manifest.as_slice())?;
    }
    put(&index.digest, &mut index.index.as_slice())?;
    Ok(Some(index.digest))
}

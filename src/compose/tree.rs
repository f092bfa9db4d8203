//! The one model of a node that every boot format is made from.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::identity::Secret;

/// What happens to a file on a node that has settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Checked by digest on every boot; restored when missing or empty, reported when it differs.
    Fixed,
    /// Renewed or rotated on the node: written only where absent, empty or older than the seed's.
    Initial,
}

/// One file as it must be on the node.
#[derive(Clone, PartialEq, Eq)]
pub struct File {
    /// Bytes. Borrowed: part of the program, and so the same on every node that has the file.
    pub content: Cow<'static, [u8]>,
    /// Permission bits; the owner is always `root:root`.
    pub mode: u32,
    /// How it is kept.
    pub kind: Kind,
    /// What holding it allows, when it is secret (mode 0600 then).
    pub secret: Option<String>,
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let content = match &self.secret {
            Some(_) => "[redacted]".into(),
            None => String::from_utf8_lossy(&self.content),
        };
        write!(f, "{:04o} {:?} {content}", self.mode, self.kind)
    }
}

/// Everything that makes a machine its node: absolute path to file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeTree {
    /// Regular files by absolute path.
    pub files: BTreeMap<String, File>,
    /// Symbolic links by absolute path, to their target.
    pub links: BTreeMap<String, String>,
}

impl NodeTree {
    /// A file anybody may read.
    pub fn public(&mut self, path: &str, content: impl Into<Cow<'static, str>>) {
        self.insert(path, content.into(), 0o644, Kind::Fixed, None);
    }

    /// A file that nobody but root has a reason to read.
    pub fn private(&mut self, path: &str, content: impl Into<Cow<'static, str>>) {
        self.insert(path, content.into(), 0o600, Kind::Fixed, None);
    }

    /// A program.
    pub fn program(&mut self, path: &str, content: impl Into<Cow<'static, str>>) {
        self.insert(path, content.into(), 0o755, Kind::Fixed, None);
    }

    /// A file for root alone, holding which `allows` something.
    pub fn secret(&mut self, path: &str, content: &Secret, kind: Kind, allows: &str) {
        let content = content.expose().to_owned().into();
        self.insert(path, content, 0o600, kind, Some(allows.to_owned()));
    }

    /// A file anybody may read that the node renews.
    pub fn initial(&mut self, path: &str, content: impl Into<Cow<'static, str>>) {
        self.insert(path, content.into(), 0o644, Kind::Initial, None);
    }

    /// A file of the operator's, in place of one of ours where both want it: what must not be replaced was
    /// refused when the file was read.
    pub fn given(&mut self, path: &str, content: Vec<u8>, mode: u32) {
        let private = mode.trailing_zeros() >= 6;
        let file = File {
            content: Cow::Owned(content),
            mode,
            kind: Kind::Fixed,
            secret: private.then(|| "what cluster.yml put there".to_owned()),
        };
        self.links.remove(path);
        self.files.insert(path.to_owned(), file);
    }

    fn insert(
        &mut self,
        path: &str,
        content: Cow<'static, str>,
        mode: u32,
        kind: Kind,
        secret: Option<String>,
    ) {
        let content = match content {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        };
        let before = self.files.insert(
            path.to_owned(),
            File {
                content,
                mode,
                kind,
                secret,
            },
        );
        assert!(before.is_none(), "two concerns write {path}");
    }
}

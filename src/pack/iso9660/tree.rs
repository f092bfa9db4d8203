//! The image as flat lists, which both hierarchies are made from.

use super::image::{Directory, File, IsoError, Node};

/// Levels of folders with the root, ECMA-119 §6.8.2.1.
const LEVELS: usize = 8;

/// Folders (the root is the first) and files, in the order of a walk through sorted names.
pub(super) struct Tree<'a> {
    pub(super) folders: Vec<FolderNode<'a>>,
    pub(super) files: Vec<FileNode<'a>>,
}

pub(super) struct FolderNode<'a> {
    pub(super) name: &'a str,
    /// Index of the folder it is in; the root is its own.
    pub(super) parent: usize,
    pub(super) mode: u32,
    /// Sorted by name.
    pub(super) children: Vec<(&'a str, Target)>,
}

pub(super) struct FileNode<'a> {
    pub(super) name: &'a str,
    /// Index of the folder it is in.
    pub(super) parent: usize,
    pub(super) file: &'a File,
}

/// An index into [`Tree::folders`] or [`Tree::files`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Folder(usize),
    File(usize),
}

impl<'a> Tree<'a> {
    pub(super) fn new(root: &'a Directory) -> Result<Self, IsoError> {
        let mut tree = Self {
            folders: Vec::new(),
            files: Vec::new(),
        };
        tree.walk("", root, 0, 1)?;
        // The parent's number has 16 bits, ECMA-119 §9.4.4.
        if tree.folders.len() > usize::from(u16::MAX) {
            return Err(IsoError::TooManyFolders(tree.folders.len()));
        }
        Ok(tree)
    }

    /// Adds a folder with all below it; recursion ends at [`LEVELS`].
    fn walk(
        &mut self,
        name: &'a str,
        folder: &'a Directory,
        parent: usize,
        level: usize,
    ) -> Result<usize, IsoError> {
        let at = self.folders.len();
        self.folders.push(FolderNode {
            name,
            parent,
            mode: folder.mode,
            children: Vec::new(),
        });
        if level > LEVELS {
            return Err(IsoError::TooDeep(self.folder_path(at)));
        }
        let mut children = Vec::new();
        for (name, node) in folder.entries() {
            let target = match node {
                Node::Directory(folder) => {
                    Target::Folder(self.walk(name, folder, at, level + 1)?)
                }
                Node::File(file) => Target::File(self.file(name, file, at)?),
            };
            children.push((name, target));
        }
        self.folders[at].children = children;
        Ok(at)
    }

    fn file(&mut self, name: &'a str, file: &'a File, parent: usize) -> Result<usize, IsoError> {
        let at = self.files.len();
        self.files.push(FileNode { name, parent, file });
        let len = file.content.len();
        if len > u64::from(u32::MAX) {
            return Err(IsoError::FileTooLarge {
                path: self.file_path(at),
                len,
            });
        }
        Ok(at)
    }

    /// Path in the image, for messages.
    pub(super) fn file_path(&self, at: usize) -> String {
        let FileNode { name, parent, .. } = self.files[at];
        match parent {
            0 => name.to_owned(),
            parent => format!("{}/{name}", self.folder_path(parent)),
        }
    }

    fn folder_path(&self, at: usize) -> String {
        let FolderNode { name, parent, .. } = self.folders[at];
        match parent {
            0 => name.to_owned(),
            parent => format!("{}/{name}", self.folder_path(parent)),
        }
    }
}

//! What was resolved, installed by the real dnf where no network is. Debian's are installed by
//! `ci/packages`, in the tree of the official image.

use std::path::Path;

use crate::made::run;
use crate::made::{MIRROR, Mirror, Signer};
use crate::rpm::{build, case, index, sign};

/// A root of its own without network, as root in it whoever runs this.
fn alone(root: &Path, program: &str, arguments: &[&str]) -> String {
    let within = match program {
        "rpm" => format!("--root={}", root.display()),
        _ => format!("--installroot={}", root.display()),
    };
    let all = [&["-rn", program, &within], arguments].concat();
    String::from_utf8(run("unshare", &all, Path::new("/"), None)).unwrap()
}

#[test]
fn what_is_resolved_installs_with_its_scripts_and_without_network() {
    let (mirror, signer) = (Mirror::new(), Signer::good());
    let script =
        |path: &str| format!("local f = io.open(\"{path}\", \"w\") f:write(\"x\") f:close()");
    let post = format!(
        "Requires: base >= 2\n%post -p <lua>\n{}\n",
        script("/made-by-post")
    );
    build(
        &mirror,
        "tool",
        "1.0",
        "Requires: lib.so.1()(64bit), base\n",
    );
    build(
        &mirror,
        "lib",
        "1.0",
        &format!("Provides: lib.so.1()(64bit)\n{post}"),
    );
    build(&mirror, "base", "1.0", "");
    build(&mirror, "base", "2.0", "");
    build(&mirror, "unrelated", "1.0", "");
    index(&mirror);
    sign(&mirror, &signer);
    let root = tempfile::tempdir().unwrap();
    let base = mirror.at("base-1.0-1.x86_64.rpm");
    alone(root.path(), "rpm", &["-i", base.to_str().unwrap()]);

    let resolved = case(&mirror, &signer, "metadata")
        .base(&["base 1.0-1"])
        .resolve(&["tool"]);
    let resolved = resolved.unwrap().packages;
    let files = resolved.iter().map(|package| {
        let path = package.url.strip_prefix(MIRROR).unwrap();
        mirror.at(path.trim_start_matches('/'))
    });
    let files: Vec<String> = files.map(|file| file.display().to_string()).collect();
    // as overlays/firstlight/bin/firstlight-packages does
    let mut arguments = vec![
        "-y",
        "-q",
        "--disablerepo=*",
        "--nogpgcheck",
        "--releasever=9",
        "install",
    ];
    arguments.extend(files.iter().map(String::as_str));
    alone(root.path(), "dnf", &arguments);

    let installed = alone(
        root.path(),
        "rpm",
        &["-qa", "--qf", "%{NAME} %{VERSION}-%{RELEASE}\n"],
    );
    let mut installed: Vec<&str> = installed.lines().collect();
    installed.sort_unstable();
    assert_eq!(installed, ["base 2.0-1", "lib 1.0-1", "tool 1.0-1"]);
    assert!(root.path().join("made-by-post").exists());
}

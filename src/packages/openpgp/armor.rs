//! The text forms: ASCII armour (RFC 9580 §6) and signed text (§7).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::PgpError;

const SIGNED: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
const SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----";

/// A signed text, taken apart.
pub(super) struct Signed {
    /// What was signed: lines without trailing blanks, ended by CR LF except the last.
    pub(super) canonical: Vec<u8>,
    /// The same with LF, to be read.
    pub(super) text: String,
    /// The packets of the signatures.
    pub(super) signatures: Vec<u8>,
}

/// Whether a text says that it is signed in itself.
pub(super) fn is_signed(text: &str) -> bool {
    text.starts_with(SIGNED)
}

/// Takes a signed text apart. Anything outside the frame is refused: nobody signed it, and a
/// careless reader would take it for part of the text.
pub(super) fn signed(text: &str) -> Result<Signed, PgpError> {
    let bad = |what| PgpError::Malformed(what);
    let mut lines = text.lines();
    if lines.next().map(str::trim_end) != Some(SIGNED) {
        return Err(bad("the frame of a signed text"));
    }
    // the armour's headers, `Hash:` alone, end with an empty line
    for line in lines.by_ref() {
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if !line.starts_with("Hash: ") {
            return Err(bad("a header of a signed text"));
        }
    }
    let mut signed = Vec::new();
    let mut armour = None;
    for line in lines.by_ref() {
        let line = line.trim_end_matches([' ', '\t', '\r']);
        if line == SIGNATURE {
            armour = Some(format!("{SIGNATURE}\n"));
            break;
        }
        match line.strip_prefix("- ") {
            Some(escaped) => signed.push(escaped),
            None if line.starts_with('-') => return Err(bad("a line of a signed text")),
            None => signed.push(line),
        }
    }
    let mut armour = armour.ok_or(bad("a signed text without its signature"))?;
    for line in lines {
        armour.push_str(line);
        armour.push('\n');
    }
    Ok(Signed {
        canonical: signed.join("\r\n").into_bytes(),
        text: signed.join("\n") + "\n",
        signatures: dearmour(&armour, "PGP SIGNATURE")?,
    })
}

/// The bytes of every block of a kind in `text`, one after another. What is no such block may
/// only be blank lines: a key file with prose in it is refused rather than half read.
pub(super) fn dearmour(text: &str, kind: &'static str) -> Result<Vec<u8>, PgpError> {
    let (begin, end) = (
        format!("-----BEGIN {kind}-----"),
        format!("-----END {kind}-----"),
    );
    let mut lines = text.lines().map(str::trim_end);
    let mut bytes = Vec::new();
    let mut blocks = 0;
    while let Some(line) = lines.next() {
        if line.is_empty() {
            continue;
        }
        if line != begin {
            return Err(PgpError::Malformed("the frame of an armoured block"));
        }
        let mut encoded = String::new();
        let mut ended = false;
        // headers (`Version:`, `Comment:`) end with an empty line; old writers leave both out
        let mut body = lines.by_ref().skip_while(|line| line.contains(": "));
        for line in body.by_ref() {
            if line == end {
                ended = true;
                break;
            }
            // the checksum is optional, and must not be relied on (§6.1)
            if !line.starts_with('=') {
                encoded.push_str(line);
            }
        }
        let block = STANDARD.decode(encoded);
        match block {
            Ok(block) if ended => bytes.extend(block),
            _ => return Err(PgpError::Malformed("an armoured block")),
        }
        blocks += 1;
    }
    match blocks {
        0 => Err(PgpError::Malformed("an armoured block")),
        _ => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nOrigin: x  \n- -dash\n\nend\n-----BEGIN PGP SIGNATURE-----\n\nAQID\n=abcd\n-----END PGP SIGNATURE-----\n";

    #[test]
    fn takes_a_signed_text_apart() {
        let signed = signed(TEXT).unwrap();
        assert_eq!(signed.canonical, b"Origin: x\r\n-dash\r\n\r\nend");
        assert_eq!(signed.text, "Origin: x\n-dash\n\nend\n");
        assert_eq!(signed.signatures, [1, 2, 3]);
    }

    #[test]
    fn refuses_what_nobody_signed() {
        let before = format!("Origin: y\n{TEXT}");
        let after = format!("{TEXT}Origin: y\n");
        let header = TEXT.replace("Hash: SHA512", "Origin: y");
        let unescaped = TEXT.replace("- -dash", "-dash");
        for text in [&before, &after, &header, &unescaped] {
            assert!(signed(text).is_err(), "{text}");
        }
        assert!(signed(&TEXT[..100]).is_err());
    }

    #[test]
    fn reads_blocks_with_and_without_headers() {
        let block = "-----BEGIN PGP PUBLIC KEY BLOCK-----\nVersion: x\n\nAQID\n-----END PGP PUBLIC KEY BLOCK-----\n";
        let bare = block.replace("Version: x\n", "");
        let kind = "PGP PUBLIC KEY BLOCK";
        let both = format!("{block}\n{bare}");
        assert_eq!(dearmour(&both, kind).unwrap(), [1, 2, 3, 1, 2, 3]);
        for bad in ["", "prose", &block[..60], &block.replace("AQID", "A?ID")] {
            assert!(dearmour(bad, kind).is_err(), "{bad}");
        }
    }
}

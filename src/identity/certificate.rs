//! Making certificates: X.509 v3, ECDSA P-256, validity always explicit.

use std::collections::BTreeSet;

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, SerialNumber,
};
use time::{Duration, OffsetDateTime};

use super::{Facts, IdentityError, San, Subject, Usage};

/// How far back validity starts: a machine whose clock runs late, or in local time taken for UTC,
/// still accepts its certificates.
const BACKDATE: Duration = Duration::hours(48);
/// 9999-12-31 23:59:59 UTC: the last time a certificate can say, meaning "for ever"
/// (RFC 5280 §4.1.2.5).
const LAST: i64 = 253_402_300_799;

/// What a certificate below an authority must say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub common_name: String,
    pub organization: Option<String>,
    pub sans: BTreeSet<San>,
    pub usage: Usage,
}

impl Request {
    /// Who it is about.
    pub fn subject(&self) -> Subject {
        Subject {
            common_name: self.common_name.clone(),
            organization: self.organization.clone(),
        }
    }

    /// Signs the certificate for `key`.
    pub fn sign(
        &self,
        key: &KeyPair,
        issuer: &Issuer<'_, KeyPair>,
        validity: Validity,
    ) -> Result<String, IdentityError> {
        let mut params = params(&self.subject(), validity)?;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        if self.usage.server {
            params
                .extended_key_usages
                .push(ExtendedKeyUsagePurpose::ServerAuth);
        }
        if self.usage.client {
            params
                .extended_key_usages
                .push(ExtendedKeyUsagePurpose::ClientAuth);
        }
        for san in &self.sans {
            params.subject_alt_names.push(match san {
                San::Dns(name) => SanType::DnsName(name.as_str().try_into()?),
                San::Ip(ip) => SanType::IpAddress(*ip),
            });
        }
        Ok(params.signed_by(key, issuer)?.pem())
    }
}

/// From when until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Validity {
    pub not_before: OffsetDateTime,
    pub not_after: OffsetDateTime,
}

impl Validity {
    /// `days` whole days from `now`, back-dated, and never past `limit`.
    pub fn of(now: OffsetDateTime, days: u32, limit: Option<OffsetDateTime>) -> Self {
        let for_ever = OffsetDateTime::from_unix_timestamp(LAST).expect("within time's range");
        let last = limit.unwrap_or(for_ever);
        let now = now.to_offset(time::UtcOffset::UTC);
        let wanted = midnight(now).checked_add(Duration::days(i64::from(days)));
        Self {
            not_before: midnight(now - BACKDATE),
            not_after: wanted.map_or(last, |end| end.min(last)),
        }
    }
}

/// The day on which a certificate was issued, at 00:00 UTC: never later than the moment itself.
pub(super) fn issued(facts: &Facts) -> OffsetDateTime {
    facts.not_before + BACKDATE
}

fn midnight(time: OffsetDateTime) -> OffsetDateTime {
    time.replace_time(time::Time::MIDNIGHT)
}

/// A self-signed authority with the usages of kubeadm's, plus `cRLSign` for etcd's revocation list.
pub(super) fn sign_authority(
    common_name: &str,
    key: &KeyPair,
    validity: Validity,
) -> Result<String, IdentityError> {
    let subject = Subject {
        common_name: common_name.to_owned(),
        organization: None,
    };
    let mut params = params(&subject, validity)?;
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::CrlSign,
    ];
    Ok(params.self_signed(key)?.pem())
}

/// What all certificates share: serial number, subject (`O` before `CN`, as Go writes it), validity.
fn params(subject: &Subject, validity: Validity) -> Result<CertificateParams, IdentityError> {
    let mut params = CertificateParams::default();
    params.serial_number = Some(serial()?);
    params.distinguished_name = DistinguishedName::new();
    if let Some(organization) = &subject.organization {
        params
            .distinguished_name
            .push(DnType::OrganizationName, organization.as_str());
    }
    params
        .distinguished_name
        .push(DnType::CommonName, subject.common_name.as_str());
    params.not_before = validity.not_before;
    params.not_after = validity.not_after;
    Ok(params)
}

/// 16 random bytes, positive and never zero (RFC 5280 §4.1.2.2 allows 20).
fn serial() -> Result<SerialNumber, IdentityError> {
    let mut bytes: [u8; 16] = random()?;
    bytes[0] = bytes[0] & 0x7f | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

/// Random bytes from the system.
pub(super) fn random<const N: usize>() -> Result<[u8; N], IdentityError> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| IdentityError::NoRandomness)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(year: i32, month: u8, day: u8) -> OffsetDateTime {
        let month = time::Month::try_from(month).unwrap();
        let date = time::Date::from_calendar_date(year, month, day).unwrap();
        date.midnight().assume_utc()
    }

    #[test]
    fn validity_is_back_dated_and_bounded() {
        // 2026-03-11 01:15 at five hours east is still the 10th in UTC.
        let east = time::UtcOffset::from_hms(5, 0, 0).unwrap();
        let now = (day(2026, 3, 10) + Duration::minutes(20 * 60 + 15)).to_offset(east);
        let validity = Validity::of(now, 365, None);
        assert_eq!(validity.not_before, day(2026, 3, 8));
        assert_eq!(validity.not_after, day(2027, 3, 10));
        let limit = day(2026, 6, 1);
        assert_eq!(Validity::of(now, 365, Some(limit)).not_after, limit);
        let for_ever = Validity::of(now, u32::MAX, None).not_after;
        assert_eq!(for_ever, day(9999, 12, 31) + Duration::seconds(86_399));
    }

    #[test]
    fn serials_are_positive_and_differ() {
        let serials = [serial().unwrap().to_bytes(), serial().unwrap().to_bytes()];
        assert!(serials.iter().all(|s| s.len() == 16 && s[0] & 0xc0 == 0x40));
        assert_ne!(serials[0], serials[1]);
    }
}

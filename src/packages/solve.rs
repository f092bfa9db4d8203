//! From wanted names to the packages that must come with them.
//!
//! The search takes what apt and dnf would take: the newest version, the first alternative, and
//! goes back to the next where that cannot be installed. It never removes a package of the image;
//! one that is too old is upgraded, with those that would not stand the upgrade.

use std::collections::{BTreeMap, BTreeSet};

use super::ResolveError;
use super::base::Base;
use super::pool::{Candidate, Need, Pool, Requirement};

/// What is decided so far.
#[derive(Clone, Default)]
pub(super) struct State<'a> {
    pub(super) chosen: BTreeMap<&'a str, &'a Candidate>,
    /// Packages of the image that something chosen takes the place of.
    gone: BTreeSet<&'a str>,
}

/// One search.
struct Solver<'a> {
    pool: &'a Pool,
    base: Base<'a>,
    steps: u32,
    /// Who wanted what is being installed.
    trail: Vec<String>,
}

/// Far more than any closure of a distribution takes; a metadata file made to be searched for
/// ever ends here.
const STEPS: u32 = 200_000;
/// Chains of dependencies of real distributions are below 100 long.
const DEPTH: usize = 400;

/// The closure of `names` beyond `installed` (package name to version, where known).
pub(super) fn closure<'a>(
    pool: &'a Pool,
    installed: &'a BTreeMap<String, Option<String>>,
    names: &'a [String],
) -> Result<Vec<&'a Candidate>, ResolveError> {
    let mut solver = Solver {
        pool,
        base: Base::new(pool, installed),
        steps: 0,
        trail: Vec::new(),
    };
    let mut state = State::default();
    for name in names {
        if installed.contains_key(name) || state.chosen.contains_key(name.as_str()) {
            continue;
        }
        solver.wanted(&mut state, name)?;
    }
    solver.settle(&mut state)?;
    Ok(state.chosen.into_values().collect())
}

impl<'a> Solver<'a> {
    fn wanted(&mut self, state: &mut State<'a>, name: &'a str) -> Result<(), ResolveError> {
        let mut first = None;
        for candidate in self.pool.named(name) {
            let before = state.clone();
            match self.install(state, candidate) {
                Ok(()) => return Ok(()),
                Err(error) => {
                    *state = before;
                    first.get_or_insert(error);
                }
            }
        }
        Err(first.unwrap_or_else(|| {
            let mut provided_by: Vec<String> = self
                .pool
                .providing(name)
                .map(|candidate| candidate.name.clone())
                .collect();
            provided_by.dedup();
            ResolveError::NoPackage {
                name: name.to_owned(),
                provided_by,
            }
        }))
    }

    fn install(
        &mut self,
        state: &mut State<'a>,
        candidate: &'a Candidate,
    ) -> Result<(), ResolveError> {
        self.steps += 1;
        if self.steps > STEPS || self.trail.len() > DEPTH {
            return Err(ResolveError::TooDeep {
                package: candidate.to_string(),
            });
        }
        if let Some(other) = state.chosen.get(candidate.name.as_str()) {
            return match other.version == candidate.version {
                true => Ok(()),
                false => Err(ResolveError::Conflict {
                    package: candidate.to_string(),
                    with: other.to_string(),
                }),
            };
        }
        state.chosen.insert(&candidate.name, candidate);
        for (name, version) in self.base.packages() {
            let replaced = |need: &Need| need.name == name && self.pool.meets(version, need);
            if name == candidate.name || candidate.replaces.iter().any(replaced) {
                state.gone.insert(name);
            }
        }
        self.trail.push(candidate.to_string());
        let done = self
            .no_clash(state, candidate)
            .and_then(|()| self.all(state, candidate, &candidate.needs));
        self.trail.pop();
        done
    }

    /// Neither it nor what is there minds the other. What the image has may be upgraded to a
    /// version that does not.
    fn no_clash(
        &mut self,
        state: &mut State<'a>,
        candidate: &'a Candidate,
    ) -> Result<(), ResolveError> {
        for other in state.chosen.values() {
            let minds = |a: &Candidate, b: &Candidate| {
                a.name != b.name && a.clashes.iter().any(|need| self.pool.fulfils(b, need))
            };
            if minds(candidate, other) || minds(other, candidate) {
                return Err(ResolveError::Conflict {
                    package: candidate.to_string(),
                    with: other.to_string(),
                });
            }
        }
        for name in self.base.clashing(candidate) {
            if state.gone.contains(name) {
                continue;
            }
            let better = self.newer(name, |newer| {
                let minds = |need| self.pool.fulfils(newer, need);
                !candidate.clashes.iter().any(minds)
                    && !newer
                        .clashes
                        .iter()
                        .any(|need| self.pool.fulfils(candidate, need))
            });
            match better {
                Some(better) => self.install(state, better)?,
                None => {
                    return Err(ResolveError::ConflictWithBase {
                        package: candidate.to_string(),
                        with: name.to_owned(),
                    });
                }
            }
        }
        Ok(())
    }

    /// The newest version of a package of the image that is newer than the image's and fits.
    fn newer(&self, name: &str, fits: impl Fn(&Candidate) -> bool) -> Option<&'a Candidate> {
        let pool = self.pool;
        pool.named(name)
            .find(|candidate| !self.base.has_newer(candidate) && fits(candidate))
    }

    fn all(
        &mut self,
        state: &mut State<'a>,
        by: &'a Candidate,
        needs: &'a [Requirement],
    ) -> Result<(), ResolveError> {
        needs
            .iter()
            .try_for_each(|need| self.satisfy(state, by, need))
    }

    fn satisfy(
        &mut self,
        state: &mut State<'a>,
        by: &'a Candidate,
        wanted: &'a Requirement,
    ) -> Result<(), ResolveError> {
        if self.met(state, wanted) {
            return Ok(());
        }
        match wanted {
            Requirement::One(need) => self.obtain(state, by, wanted, std::slice::from_ref(need)),
            Requirement::With(needs) => self.obtain(state, by, wanted, needs),
            Requirement::All(parts) => self.all(state, by, parts),
            Requirement::If {
                condition,
                then,
                otherwise,
            } => match (self.met(state, condition), otherwise) {
                (true, _) => self.satisfy(state, by, then),
                (false, Some(otherwise)) => self.satisfy(state, by, otherwise),
                (false, None) => Ok(()),
            },
            Requirement::Any(parts) => {
                let mut first = None;
                for part in parts {
                    let before = state.clone();
                    match self.satisfy(state, by, part) {
                        Ok(()) => return Ok(()),
                        Err(error) => {
                            *state = before;
                            first = Some(better_reason(first, error));
                        }
                    }
                }
                Err(match first {
                    Some(error @ ResolveError::Unsatisfiable { .. }) if error.is_absence() => {
                        self.unsatisfiable(by, wanted)
                    }
                    Some(error) => error,
                    None => self.unsatisfiable(by, wanted),
                })
            }
        }
    }

    /// Installs one package that is all of `needs`.
    fn obtain(
        &mut self,
        state: &mut State<'a>,
        by: &'a Candidate,
        wanted: &'a Requirement,
        needs: &'a [Need],
    ) -> Result<(), ResolveError> {
        let mut first = None;
        for candidate in self.candidates(needs) {
            let before = state.clone();
            match self.install(state, candidate) {
                Ok(()) => return Ok(()),
                Err(error) => {
                    *state = before;
                    first.get_or_insert(error);
                }
            }
        }
        Err(first.unwrap_or_else(|| self.unsatisfiable(by, wanted)))
    }

    /// In the order to try: of that name, then those of the image that provide it in a newer
    /// version, then the others that do, by name.
    fn candidates(&self, needs: &[Need]) -> Vec<&'a Candidate> {
        let Some(need) = needs.first() else {
            return Vec::new();
        };
        let pool = self.pool;
        let fits = |candidate: &&Candidate| {
            !self.base.has_newer(candidate)
                && needs.iter().all(|need| pool.fulfils(candidate, need))
        };
        let mut providers: Vec<_> = pool.providing(&need.name).filter(fits).collect();
        providers.sort_by_key(|candidate| !self.base.has(&candidate.name));
        let named = pool.named(&need.name).filter(fits);
        named.chain(providers).collect()
    }

    fn met(&self, state: &State<'a>, wanted: &Requirement) -> bool {
        match wanted {
            Requirement::One(need) => {
                let chosen = |candidate: &&Candidate| self.pool.fulfils(candidate, need);
                state.chosen.values().any(chosen) || self.base.fulfils(need, &state.gone)
            }
            Requirement::With(needs) => {
                let all =
                    |candidate: &&Candidate| needs.iter().all(|n| self.pool.fulfils(candidate, n));
                state.chosen.values().any(all) || self.base.fulfils_all(needs, &state.gone)
            }
            Requirement::All(parts) => parts.iter().all(|part| self.met(state, part)),
            Requirement::Any(parts) => parts.iter().any(|part| self.met(state, part)),
            Requirement::If {
                condition,
                then,
                otherwise,
            } => match self.met(state, condition) {
                true => self.met(state, then),
                false => otherwise.as_ref().is_none_or(|part| self.met(state, part)),
            },
        }
    }

    /// Until nothing is open: a later choice may have made a condition true, or taken something
    /// from a package of the image that stays.
    fn settle(&mut self, state: &mut State<'a>) -> Result<(), ResolveError> {
        loop {
            let before = state.chosen.len();
            for candidate in state.chosen.values().copied().collect::<Vec<_>>() {
                self.trail.push(candidate.to_string());
                self.all(state, candidate, &candidate.needs)?;
                self.trail.pop();
            }
            for (record, lost) in self.lost(state) {
                match self.newer(&record.name, |_| true) {
                    _ if state.gone.contains(record.name.as_str()) => {}
                    Some(newer) => self.install(state, newer)?,
                    None => return Err(self.unsatisfiable(&record, &lost)),
                }
            }
            if state.chosen.len() == before {
                return Ok(());
            }
        }
    }

    /// Packages of the image that stay, each with a need that was met before and is not now.
    fn lost(&self, state: &State<'a>) -> Vec<(Candidate, Requirement)> {
        let untouched = State::default();
        let stay = self.base.records();
        let stay = stay.filter(|record| !state.gone.contains(record.name.as_str()));
        let lost = stay.filter_map(|record| {
            let mut needs = record.needs.iter();
            let need = needs.find(|need| !self.met(state, need) && self.met(&untouched, need))?;
            Some((record.clone(), need.clone()))
        });
        lost.collect()
    }

    fn unsatisfiable(&self, by: &Candidate, wanted: &Requirement) -> ResolveError {
        let mut names = Vec::new();
        collect(wanted, &mut names);
        let found = names
            .iter()
            .flat_map(|name| self.pool.named(name).chain(self.pool.providing(name)));
        let mut found: Vec<String> = found.map(Candidate::to_string).collect();
        found.dedup();
        found.truncate(3);
        ResolveError::Unsatisfiable {
            package: by.to_string(),
            needs: wanted.to_string(),
            found,
            trail: self.trail.clone(),
        }
    }
}

/// Why an alternative that exists cannot be installed tells more than that another is not there.
fn better_reason(first: Option<ResolveError>, error: ResolveError) -> ResolveError {
    match first {
        Some(first) if !first.is_absence() || error.is_absence() => first,
        _ => error,
    }
}

fn collect<'r>(wanted: &'r Requirement, names: &mut Vec<&'r str>) {
    match wanted {
        Requirement::One(need) => names.push(&need.name),
        Requirement::With(needs) => names.extend(needs.iter().map(|need| need.name.as_str())),
        Requirement::All(parts) | Requirement::Any(parts) => {
            for part in parts {
                collect(part, names);
            }
        }
        Requirement::If { then, .. } => collect(then, names),
    }
}

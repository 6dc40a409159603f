use std::fmt;

/// What is counted in a component.
///
/// Each limit is at least four times the maximum in real tools, and ten times or more if that costs nothing: the
/// tools of this repository, a component of `componentize-py` 0.25 (18 MB, with `CPython`), one of `componentize-js`
/// 0.23 (12 MB, with `SpiderMonkey`) and its debug build. The comments give the observed maximum. A component just
/// within the limits can still take a minute and a gigabyte, which is why third-party components are compiled in a
/// separate process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    /// Nested components and modules: 2.
    ComponentDepth,
    /// 2.
    Components,
    /// 38.
    Modules,
    /// Instances of modules and components, including those that instances of components create: 115.
    Instances,
    /// Functions that are lifted, lowered, or intrinsics of the component model: 26.
    Canonicals,
    /// Imports of components: 27.
    Imports,
    /// Exports of components: 22.
    Exports,
    /// Bytes of the name of an import or an export of a component: 32.
    NameBytes,
    /// Nested types: 2.
    TypeDepth,
    /// Types of components, and declarations within them: 208; all of WASI has some 2,000.
    ComponentTypes,
    /// Types of modules: 1,352.
    CoreTypes,
    /// Parameters and results of a function of a module: 19.
    SignatureLength,
    /// 19,845. The compiler takes 6 kB for an empty one.
    Functions,
    /// 2,428.
    CoreImports,
    /// 4,461.
    CoreExports,
    /// Tables, memories, globals and tags of modules: 874.
    CoreItems,
    /// Elements of all segments: 7,730.
    Elements,
    /// 10,000.
    DataSegments,
    /// Bytes of one function: 426,843, the interpreter loop of `CPython`.
    FunctionBytes,
    /// Nested blocks in one function: 781.
    BlockDepth,
    /// Locals of all functions: 460,598.
    Locals,
    /// What the compiler may have to carry across the branches of one function, branches times values: 598,246.
    Carried,
    /// As above, of all functions: 15,118,922.
    AllCarried,
    /// Names in the section for debugging: 19,926.
    DebugNames,
}

/// The number of measures.
const MEASURES: usize = Measure::DebugNames as usize + 1;

/// Something exceeds its limit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exceeded {
    pub(super) what: &'static str,
    pub(super) limit: u64,
}

/// The counts so far.
#[derive(Default)]
pub(super) struct Census([u64; MEASURES]);

impl Measure {
    /// Its name, and its limit.
    const fn bound(self) -> (&'static str, u64) {
        match self {
            Self::ComponentDepth => ("too many nested components", 16),
            Self::Components => ("too many components", 256),
            Self::Modules => ("too many modules", 256),
            Self::Instances => ("too many instances", 1_000),
            Self::Canonicals => ("too many lifted and lowered functions", 10_000),
            Self::Imports => ("too many imports", 256),
            Self::Exports => ("too many exports", 1_000),
            Self::NameBytes => ("too many bytes in the name of an import or export", 512),
            Self::TypeDepth => ("too many nested types", 16),
            Self::ComponentTypes => ("too many types of components", 20_000),
            Self::CoreTypes => ("too many types of functions", 20_000),
            Self::SignatureLength => ("too many parameters and results of one function", 500),
            Self::Functions => ("too many functions", 100_000),
            Self::CoreImports => ("too many imports of modules", 100_000),
            Self::CoreExports => ("too many exports of modules", 200_000),
            Self::CoreItems => ("too many tables, memories and globals", 100_000),
            Self::Elements => ("too many elements of tables", 500_000),
            Self::DataSegments => ("too many segments of data", 100_000),
            Self::FunctionBytes => ("too many bytes in one function", 2 << 20),
            Self::BlockDepth => ("too many nested blocks", 5_000),
            Self::Locals => ("too many locals", 2_500_000),
            Self::Carried => (
                "too many locals for the branches of one function",
                3_000_000,
            ),
            Self::AllCarried => (
                "too many locals for the branches of its functions",
                60_000_000,
            ),
            Self::DebugNames => ("too many names for debugging", 1_000_000),
        }
    }
}

impl Census {
    /// Adds to a count.
    pub(super) fn add(
        &mut self,
        measure: Measure,
        count: impl TryInto<u64>,
    ) -> Result<(), Exceeded> {
        let count = count.try_into().unwrap_or(u64::MAX);
        let sum = self.of(measure).saturating_add(count);
        self.set(measure, sum)
    }

    /// Records a maximum.
    pub(super) fn reach(
        &mut self,
        measure: Measure,
        extent: impl TryInto<u64>,
    ) -> Result<(), Exceeded> {
        let extent = extent.try_into().unwrap_or(u64::MAX);
        self.set(measure, self.of(measure).max(extent))
    }

    pub(super) fn of(&self, measure: Measure) -> u64 {
        self.0.get(measure as usize).copied().unwrap_or_default()
    }

    fn set(&mut self, measure: Measure, value: u64) -> Result<(), Exceeded> {
        if let Some(counted) = self.0.get_mut(measure as usize) {
            *counted = value;
        }
        let (what, limit) = measure.bound();
        if value > limit {
            return Err(Exceeded { what, limit });
        }
        Ok(())
    }
}

#[cfg(test)]
impl Census {
    /// Each limit with its count.
    pub(super) fn against_bounds(&self) -> impl Iterator<Item = (&'static str, u64, u64)> {
        let measures = Measure::ALL.into_iter();
        measures.map(|measure| {
            let (what, limit) = measure.bound();
            (what, self.of(measure), limit)
        })
    }
}

#[cfg(test)]
impl Measure {
    const ALL: [Self; MEASURES] = [
        Self::ComponentDepth,
        Self::Components,
        Self::Modules,
        Self::Instances,
        Self::Canonicals,
        Self::Imports,
        Self::Exports,
        Self::NameBytes,
        Self::TypeDepth,
        Self::ComponentTypes,
        Self::CoreTypes,
        Self::SignatureLength,
        Self::Functions,
        Self::CoreImports,
        Self::CoreExports,
        Self::CoreItems,
        Self::Elements,
        Self::DataSegments,
        Self::FunctionBytes,
        Self::BlockDepth,
        Self::Locals,
        Self::Carried,
        Self::AllCarried,
        Self::DebugNames,
    ];
}

impl fmt::Debug for Census {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.0).finish()
    }
}

/** The variable that tells a mortal worker where the list of its boundaries is. */
export const BOUNDARIES = 'DATA2DASHBOARD_CHAOS_BOUNDARIES';

//! stub
/// stub
#[derive(Default, Debug)]
pub struct DataPlaneConfig {}
/// stub
#[derive(Debug)]
pub struct DataPlane {}
impl DataPlane {
    /// stub
    pub fn start(
        _c: DataPlaneConfig,
        _tls: tokio::sync::watch::Receiver<crate::certs::TlsConfigs>,
        _t: tokio::sync::watch::Receiver<std::sync::Arc<crate::engine::routing::RoutingTable>>,
        o: tokio::sync::mpsc::Sender<crate::control::observation::Observation>,
    ) -> Self {
        tokio::spawn(async move {
            let _ = o.send(crate::control::observation::Observation::ListenersBound { generation: 1 }).await;
        });
        Self {}
    }
    /// stub
    pub async fn drain(&self, _d: std::time::Duration) {}
}

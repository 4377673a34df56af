const { MODE, DEV, PROD, BASE_URL, VITE_TITLE, VITE_ONLY, VITE_OVERRIDDEN } = import.meta.env
const values = [MODE, DEV, PROD, BASE_URL, VITE_TITLE, VITE_ONLY, VITE_OVERRIDDEN, import.meta.env.VITE_TITLE, import.meta.env.SECRET]
document.documentElement.dataset.env = values.join(' ')
document.documentElement.dataset.hot = String(import.meta.hot)
